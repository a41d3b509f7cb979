"""Write the images of each split as TFRecord shards of one shape: data/records/, and their origin: data/origin.json."""

from scenes.archive.layout import Archive
from scenes.common.checksum import file_hash
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.runtime import configure
from scenes.common.tables import read_csv, read_json, write_json
from scenes.config.params import read, to_dict
from scenes.dataset import record_writer
from stages import checked_stage

ARCHIVE = "data/raw/archive.zip"
SPLIT = "data/split.csv"
SPLIT_PARAMS = "data/split.json"
RECORDS = "data/records"
ORIGIN = "data/origin.json"  # not in the folder: equal records of another archive change no features and no backbone


def main() -> None:
    params = read()
    configure(seed=0, threads=1)  # it only serialises: nothing is random or computed
    image_size, fit = params.profile_settings.image_size, params.profile_settings.fit
    max_pixels = params.archive.max_pixels
    table = read_csv(SPLIT)
    splits = {
        name: list(zip(rows["path"], rows["label"], strict=True)) for name, rows in table.groupby("split", sort=True)
    }
    with (
        Archive.from_settings(ARCHIVE, to_dict(params.archive)) as archive,
        atomic_dir(RECORDS) as folder,
        atomic_write(ORIGIN) as origin_file,
    ):
        record_writer.write(
            folder,
            splits,
            lambda key: record_writer.record_image(archive.read(key), image_size, fit=fit, max_pixels=max_pixels),
            classes=sorted(set(table["label"]) - {""}),
            image_size=image_size,
            fit=fit,
            seed=params.seed,
            shard_size=params.records.shard_size,
        )
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
        write_json(origin_file, {**hashes, "data_params": data_params})


if __name__ == "__main__":
    with checked_stage("records"):
        main()
