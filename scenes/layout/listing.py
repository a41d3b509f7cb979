"""The files of a zip, tar or folder, sorted into images, tables, litter and the rest."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from scenes.archive.safe_zip import is_litter
from scenes.common import suffixes

NO_SUFFIX = "without a suffix"


class Entry(NamedTuple):
    """A file as a listing states it: its size, and the CRC-32 of its content where the listing knows it."""

    bytes: int
    crc: int | None = None


class Listing(NamedTuple):
    """What is in a source.

    Attributes:
        images: the paths by folder, folders as they are in the source ('' for the top).
        tables: paths of files that may be tables of labels.
        skipped: files that are neither images nor tables, by suffix.
        litter: number of files that an operating system left.
        imageless: folders that hold no image, themselves or below.
    """

    images: dict[str, list[str]]
    tables: list[str]
    skipped: Counter[str]
    litter: int
    imageless: list[str]


def list_files(paths: Iterable[str], folders: Iterable[str] = ()) -> Listing:
    """Sort the files of a source by their names.

    Args:
        paths: of all files, with slashes.
        folders: those that the source lists by themselves, which may be empty.
    """
    images: dict[str, list[str]] = {}
    tables: list[str] = []
    skipped: Counter[str] = Counter()
    litter = 0
    hidden: dict[str, bool] = {}
    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        if folder not in hidden:
            hidden[folder] = _is_litter(folder)
        if hidden[folder] or is_litter([name]):
            litter += 1
            continue
        suffix = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
        if suffix in suffixes.IMAGES:
            images.setdefault(folder, []).append(path)
        elif suffix in suffixes.TABLES:
            tables.append(path)
        else:
            skipped[suffix or NO_SUFFIX] += 1
    everywhere = {folder for folder, is_hidden in hidden.items() if not is_hidden}
    everywhere |= {folder.rstrip("/") for folder in folders if not _is_litter(folder.rstrip("/"))}
    above = {"/".join(parts[:end]) for parts in map(_split, images) for end in range(len(parts) + 1)}
    return Listing(images, tables, skipped, litter, sorted(everywhere - above))


def folder_parts(folder: str) -> tuple[str, ...]:
    """Return the names in the path of a folder, in Unicode's composed form, without '.'.

    A class packed on a Mac (decomposed) and elsewhere (composed) is one class.
    """
    return tuple(unicodedata.normalize("NFC", part) for part in _split(folder) if part != ".")


def total(images: Mapping[str, list[str]]) -> int:
    """Return the number of images in a listing."""
    return sum(map(len, images.values()))


def _split(folder: str) -> list[str]:
    return [part for part in folder.split("/") if part]


def _is_litter(folder: str) -> bool:
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    return bool(parts) and is_litter(parts)
