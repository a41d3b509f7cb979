"""Write the images of each split as TFRecord shards of one shape: data/records/, and what they come from."""

from scenes.archive.layout import Archive
from scenes.common.checksum import file_hash
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.runtime import configure
from scenes.common.tables import read_csv, read_json, write_json
from scenes.config.params import read, to_dict
from scenes.dataset import record_writer
from stages import checked_stage

ARCHIVE, SPLIT = "data/raw/archive.zip", "data/split.csv"


def main() -> None:
    params = read()
    configure(seed=0, threads=1)  # only serialises: nothing is drawn or computed
    image_size = params.profile_settings.image_size
    table = read_csv(SPLIT)
    splits = {
        name: list(zip(rows["path"], rows["label"], strict=True)) for name, rows in table.groupby("split", sort=True)
    }
    classes = sorted(set(table["label"]) - {""})
    max_pixels = params.archive.max_pixels
    with (
        Archive.from_settings(ARCHIVE, to_dict(params.archive)) as archive,
        atomic_dir("data/records") as folder,
        # Beside the records, not in them: equal records from another archive fine-tune and embed nothing anew.
        atomic_write("data/origin.json") as origin,
    ):
        record_writer.write(
            folder,
            splits,
            lambda key: record_writer.record_image(archive.read(key), image_size, max_pixels=max_pixels),
            classes=classes,
            image_size=image_size,
            seed=params.seed,
            shard_size=params.records.shard_size,
        )
        # Code and library versions are left out: they cannot change the records without changing their hash.
        description = {
            "archive_sha256": file_hash(ARCHIVE),
            "split_sha256": file_hash(SPLIT),
            "data_params": {
                **read_json("data/split.json"),
                "seed": params.seed,
                "archive": to_dict(params.archive),
                "records": to_dict(params.records),
                "profile.image_size": image_size,
            },
        }
        write_json(origin, description)


if __name__ == "__main__":
    with checked_stage("records"):
        main()
