"""Write the images of each split as TFRecord shards of one shape: data/records/, and what they come from."""

import json
from pathlib import Path

import pandas as pd

from scenes.archive.layout import Archive
from scenes.common.checksum import file_hash
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.dataset import record_writer
from stages import checked_stage

ARCHIVE, SPLIT = "data/raw/archive.zip", "data/split.csv"


def main() -> None:
    params = read()
    configure(seed=0, threads=1)  # only serialises: nothing is drawn or computed
    image_size = params.profile_settings.image_size
    table = pd.read_csv(SPLIT, dtype=str, keep_default_na=False)
    splits = {
        name: list(zip(rows["path"], rows["label"], strict=True)) for name, rows in table.groupby("split", sort=True)
    }
    classes = sorted(set(table["label"]) - {""})
    limits = params.archive
    with (
        Archive(ARCHIVE, to_dict(limits.layout), limits.max_member_bytes, limits.max_ratio) as archive,
        atomic_dir("data/records") as folder,
        # Beside the records, not in them: equal records from another archive fine-tune and embed nothing anew.
        atomic_write("data/origin.json") as origin,
    ):
        record_writer.write(
            folder,
            splits,
            lambda key: record_writer.record_image(archive.read(key), image_size, max_pixels=limits.max_pixels),
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
                **json.loads(Path("data/split.json").read_text(encoding="utf-8")),
                "seed": params.seed,
                "archive": to_dict(params.archive),
                "records": to_dict(params.records),
                "profile.image_size": image_size,
            },
        }
        origin.write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with checked_stage("records"):
        main()
