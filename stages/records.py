"""Write the images of each split as TFRecord shards of one shape: data/records/, and what they come from."""

import json
from pathlib import Path

import pandas as pd

from scenes import record_writer
from scenes.archive import Archive
from scenes.checksum import file_hash
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import plain, read

ARCHIVE, SPLIT = "data/raw/archive.zip", "data/split.csv"


def main() -> None:
    params = read()
    configure(seed=0, threads=1)  # only serialises: nothing is drawn or computed
    image_size = params.active.image_size
    table = pd.read_csv(SPLIT, dtype=str, keep_default_na=False)
    splits = {
        name: list(zip(rows["path"], rows["label"], strict=True)) for name, rows in table.groupby("split", sort=True)
    }
    classes = sorted(set(table["label"]) - {""})
    limits = params.archive
    with (
        Archive(ARCHIVE, plain(limits.layout), limits.max_member_bytes, limits.max_ratio) as archive,
        replacing("data/records", folder=True) as folder,
        # Beside the records, not in them: equal records from another archive fine-tune and embed nothing anew.
        replacing("data/origin.json") as origin,
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
        # The code and the libraries need no mention: they give the same on any machine, or other hashes.
        description = {
            "archive_sha256": file_hash(ARCHIVE),
            "split_sha256": file_hash(SPLIT),
            "data_params": {
                **json.loads(Path("data/split.json").read_text(encoding="utf-8")),
                "seed": params.seed,
                "archive": plain(params.archive),
                "records": plain(params.records),
                "profile.image_size": image_size,
            },
        }
        origin.write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with one_sentence():
        main()
