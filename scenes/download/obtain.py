"""The archive of one source: kept because it is pinned, drawn, packed from this machine, or downloaded; and checked."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scenes.common.checksum import check_file
from scenes.common.errors import InputError
from scenes.common.words import count
from scenes.download.local import check_zip, get_archive
from scenes.download.source import Source


class Pins(NamedTuple):
    """What an archive must be; None: anything.

    Attributes:
        bytes: its size.
        sha256: its hash, in hex digits.
    """

    bytes: int | None
    sha256: str | None


def obtain(
    source: Source,
    path: Path,
    pins: Pins,
    *,
    there: Mapping[str, Path],
    unfinished: Path,
    draw: Callable[[Path], None],
) -> str:
    """Write the archive of a source to ``path``.

    Args:
        source: of the archive.
        path: the zip; it must not exist.
        pins: what it must be.
        there: archives of the last run, by their sha256; one that is pinned is taken.
        unfinished: a folder of this source. What a run before has downloaded there is taken, but not for ``env:``,
            which may be another address by now. What it began is continued.
        draw: writes the archive of ``source: synthetic``.

    Returns:
        What was done, for the log.

    Raises:
        InputError: the archive is not there, cannot be had, is no sound zip, or is not as pinned.
        OSError: the disk is full.
    """
    if (kept := there.get(pins.sha256 or "")) is not None:
        shutil.copyfile(kept, path)  # not a link: it may be an object of DVC's cache
        check_file(path, source, expected_bytes=pins.bytes)
        return "kept: its hash is the expected one"
    left_out = ""
    finished = unfinished / "finished.zip"
    if source.kind == "synthetic":
        draw(path)
    elif source.kind == "file":
        left_out = get_archive(source.place, path)
    else:
        if source.kind == "env" or not finished.exists():
            _download(source, unfinished, pins.bytes).replace(finished)
        _link(finished, path)
    try:
        files = check_zip(path, source)
        check_file(path, source, expected_bytes=pins.bytes, expected_sha256=pins.sha256)
    except InputError:
        finished.unlink(missing_ok=True)
        raise
    done = f"{count(files, 'file')}, {path.stat().st_size} bytes, from {source}"
    return f"{done}\nleft out, as neither pictures nor tables: {left_out}" if left_out else done


def _download(source: Source, folder: Path, expected_bytes: int | None) -> Path:
    # Imported here, because each of the two takes long and most sources need at most one.
    if source.kind == "kaggle":
        from scenes.download.kaggle import fetch_dataset

        return fetch_dataset(source.place, source.version, folder, expected_bytes=expected_bytes)
    from scenes.download.http import fetch

    fetch(source.url(), folder / "archive.zip", expected_bytes=expected_bytes)
    return folder / "archive.zip"


def _link(old: Path, new: Path) -> None:
    """Give a file a second name; where the file system can't, copy it."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)


def pinning(found: Sequence[Pins]) -> str:
    """Return the lines of params.yaml that pin archives, in a form that DVC keeps when it changes another value.

    They are lists also for one archive, and have '' for null: DVC would write a hash on a line below its key, and a
    null in a list as nothing, both with a blank at the end of a line.

    Args:
        found: what each archive is; None for one that is not to be pinned.
    """
    lines = []
    for name, values in zip(Pins._fields, zip(*found, strict=True), strict=True):
        texts = ["''" if value is None else value for value in values]
        lines += [f"    archive_{name}:", *(f"    - {text}" for text in texts)]
    return "\n".join(lines)
