"""Write the images of each split as TFRecord shards of one shape: data/records/, and their origin: data/origin.json."""

from itertools import chain
from pathlib import Path

from scenes.common.checksum import file_hash
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.tables import read_csv, read_json, write_json
from scenes.config.params import read, to_dict
from scenes.dataset import record_job, record_writer
from scenes.executors import executor
from scenes.layout.layout import Archive
from stages import checked_stage, code_digest

ARCHIVE = "data/raw/archive.zip"
SPLIT = "data/split.csv"
SPLIT_PARAMS = "data/split.json"
RECORDS = "data/records"
ORIGIN = "data/origin.json"  # not in the folder: equal records of another archive change no features and no backbone
KEPT = Path(".resume/records")  # of a killed run


def main() -> None:
    params = read()
    image_size, fit = params.profile_settings.image_size, params.profile_settings.fit
    table = read_csv(SPLIT)
    splits = {
        name: list(zip(rows["path"], rows["label"], strict=True)) for name, rows in table.groupby("split", sort=True)
    }
    classes = sorted(set(table["label"]) - {""})
    planned = record_writer.plan(splits, classes=classes, seed=params.seed, shard_size=params.records.shard_size)
    # Code and library versions are left out: they cannot change the records without changing their hash.
    data_params = {
        **read_json(SPLIT_PARAMS),
        "seed": params.seed,
        "archive": to_dict(params.archive),
        "records": to_dict(params.records),
        "profile.image_size": image_size,
        "profile.fit": fit,
    }
    hashes = {"archive_sha256": file_hash(ARCHIVE), "split_sha256": file_hash(SPLIT)}
    shape = {"classes": classes, "image_size": image_size, "fit": fit}
    job = record_job.record_job(**shape, max_pixels=params.archive.max_pixels)
    with Archive.from_settings(ARCHIVE, to_dict(params.archive)) as archive:
        parts = record_job.file_parts(archive, chain(*planned.values()))
    kept = executor.kept(KEPT, repr((code_digest("records"), hashes, data_params)))
    with kept as run, atomic_dir(RECORDS) as folder, atomic_write(ORIGIN) as origin_file:
        results = run(job, [*chain(*parts)])
        record_writer.write(folder, planned, record_job.contents(parts, results), **shape)
        write_json(origin_file, {**hashes, "data_params": data_params})


if __name__ == "__main__":
    with checked_stage("records"):
        main()
