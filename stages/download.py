"""Download, copy, pack or draw the archive and check that it is sound: data/raw/archive.zip."""

import shutil
from pathlib import Path

from scenes.common.checksum import check_file, file_hash
from scenes.common.files import atomic_write
from scenes.config.params import read, to_dict
from scenes.download.local import check_watched, check_zip, get_archive
from scenes.download.partial import resumable_download_dir
from scenes.download.source import parse_source
from stages import checked_stage

ARCHIVE = "data/raw/archive.zip"
PARTIAL = Path(".partial")  # not beside the archive: DVC deletes a stage's outs before it runs


def main() -> None:
    params = read()
    source = parse_source(params.profile_settings.source)
    expected_bytes, expected_sha256 = params.profile_settings.archive_bytes, params.profile_settings.archive_sha256
    if source.kind == "file":
        check_watched(source.place, params.watch)
    left_out = ""

    with resumable_download_dir(PARTIAL / source.key) as folder, atomic_write(ARCHIVE) as path:
        # Each branch imports only what it needs, so that a `file:` source starts at once.
        if source.kind == "synthetic":
            from scenes.synthetic.archive import draw_archive

            draw_archive(path, **to_dict(params.profile_settings.synthetic))
        elif source.kind == "file":
            left_out = get_archive(source.place, path)
        elif source.kind == "kaggle":
            from scenes.download.kaggle import fetch_dataset

            shutil.move(fetch_dataset(source.place, source.version, folder, expected_bytes=expected_bytes), path)
        else:
            from scenes.download.http import fetch

            fetch(source.url(), folder / "archive.zip", expected_bytes=expected_bytes)
            shutil.move(folder / "archive.zip", path)

        members = check_zip(path, source)
        check_file(path, source, expected_bytes=expected_bytes, expected_sha256=expected_sha256)
        print(f"{ARCHIVE}: {members} members, {path.stat().st_size} bytes, from {source}")
        if left_out:
            print(f"left out, as neither pictures nor tables: {left_out}")
        # What is watched is there to be changed.
        watched = source.place == params.watch
        if source.kind != "synthetic" and not watched and None in (expected_bytes, expected_sha256):
            print("to pin it, put these lines into the block of its profile in params.yaml:")
            print(f"    archive_bytes: {path.stat().st_size}\n    archive_sha256: {file_hash(path)}")


if __name__ == "__main__":
    with checked_stage("download"):
        main()
