"""Fetch or draw the archive: what `source` names becomes data/raw/archive.zip, whole and sound, or nothing does."""

import shutil
from pathlib import Path

from scenes.checksum import check_file, file_hash
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import plain, read
from scenes.partial import kept_until_done
from scenes.source import parse
from scenes.zip_check import check_zip

ARCHIVE = Path("data/raw/archive.zip")
PARTIAL = Path(".partial")  # not beside the archive: DVC deletes a stage's outs before it runs


def main() -> None:
    params = read()
    source = parse(params.active.source)
    expected_bytes, expected_sha256 = params.active.archive_bytes, params.active.archive_sha256

    with kept_until_done(PARTIAL / source.key) as folder, replacing(ARCHIVE) as path:
        # Each kind imports what it alone needs, so that a `file:` source starts at once.
        if source.kind == "synthetic":
            from scenes.synthetic import draw_archive

            draw_archive(path, **plain(params.active.synthetic))
        elif source.kind == "file":
            from scenes.local_archive import copy_archive

            copy_archive(source.place, path)
        elif source.kind == "kaggle":
            from scenes.kaggle_archive import fetch_dataset

            shutil.move(fetch_dataset(source.place, source.version, folder, expected_bytes=expected_bytes), path)
        else:
            from scenes.http import fetch

            fetch(source.place, folder / ARCHIVE.name, expected_bytes=expected_bytes)
            shutil.move(folder / ARCHIVE.name, path)

        members = check_zip(path, source)
        check_file(path, source, expected_bytes=expected_bytes, expected_sha256=expected_sha256)
        print(f"{ARCHIVE}: {members} members, {path.stat().st_size} bytes, from {source}")
        if source.kind != "synthetic" and None in (expected_bytes, expected_sha256):
            print("to pin it, put these into the block of its profile in params.yaml:")
            print(f"    archive_bytes: {path.stat().st_size}\n    archive_sha256: {file_hash(path)}")


if __name__ == "__main__":
    with one_sentence():
        main()
