"""Write the images of each split as TFRecord shards of one shape: data/records/, and their origin: data/origin.json."""

from itertools import chain
from pathlib import Path

from scenes.common.archives import archive_hashes
from scenes.common.checksum import file_hash
from scenes.common.files import atomic_write
from scenes.common.tables import read_csv, read_json, write_json
from scenes.config.params import read, to_dict
from scenes.dataset import record_job, record_writer
from scenes.executors import executor, reuse
from scenes.layout.layout import Archive
from stages import checked_stage, code_digest

ARCHIVE = "data/raw"
SPLIT = "data/split.csv"
SPLIT_PARAMS = "data/split.json"
RECORDS = "data/records"
ORIGIN = "data/origin.json"  # not in the folder: equal records of another archive change no features and no backbone
KEYS = "data/keys/records.json"  # not in the folder either, because they change with the code
KEPT = Path(".resume/records")  # of a killed run


def main() -> None:
    params = read()
    image_size, fit = params.profile_settings.image_size, params.profile_settings.fit
    table = read_csv(SPLIT)
    by_split = table.groupby("split", sort=True)
    splits = {name: [*zip(rows["path"], rows["label"], strict=True)] for name, rows in by_split}
    classes = sorted(set(table["label"]) - {""})
    # Code and library versions are left out: they cannot change the records without changing their hash.
    data_params = {
        **read_json(SPLIT_PARAMS),
        "seed": params.seed,
        "archive": to_dict(params.archive),
        "records": to_dict(params.records),
        "profile.image_size": image_size,
        "profile.fit": fit,
    }
    hashes = {"archive_sha256": archive_hashes(ARCHIVE), "split_sha256": file_hash(SPLIT)}
    shape = {"classes": classes, "image_size": image_size, "fit": fit}
    job = record_job.record_job(**shape, max_pixels=params.archive.max_pixels)
    facts = code_digest("records"), image_size, fit, params.archive.max_pixels
    with Archive.from_settings(ARCHIVE, to_dict(params.archive)) as archive:
        numbers = {member.path: member.archive for member in archive.members}
        order = {"seed": params.seed, "shard_size": params.records.shard_size}
        planned = record_writer.plan(splits, numbers, classes=classes, **order)
        keys = record_job.file_keys(archive, chain(*planned.values()), classes=classes, facts=facts)
    kept, renewed = executor.kept(KEPT, repr((facts, classes))), reuse.renewed(RECORDS, KEYS, keys)
    with kept as run, renewed as folder, atomic_write(ORIGIN) as origin_file:
        parts = record_job.file_parts(archive, record_writer.missing(folder, planned))
        contents = record_job.contents(parts, run(job, [*chain(*parts)]))
        record_writer.write(folder, planned, contents, **shape)
        write_json(origin_file, {**hashes, "data_params": data_params})


if __name__ == "__main__":
    with checked_stage("records"):
        main()
