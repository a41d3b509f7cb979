"""The files of a zip, tar or folder: images, tables, litter and the rest; and which images are the same file."""

import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import NamedTuple

from scenes.archive.safe_zip import DamagedMember, is_litter
from scenes.common import suffixes
from scenes.common.hash_order import hash_rank

NO_SUFFIX = "without a suffix"
_READ = 100  # groups that are read to see whether equal names and sizes mean equal contents
_SURE = 0.95


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
    everywhere = {"/".join(_split(folder)) for folder in [*hidden, *folders] if not _is_litter(folder)}
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


def same_files(paths: Iterable[str], files: Mapping[str, Entry], read: Callable[[str], bytes]) -> list[list[str]]:
    """Return groups of two or more images with the same content, sorted.

    Images of the same size and CRC-32 count as the same. Where the listing has no CRC, as that of a folder, those of
    the same size and name are read: a hundred groups at most, and if nearly all of these prove right, the others count
    as well.

    Args:
        paths: of the images, sorted. Empty files are no content.
        files: the listing.
        read: returns the bytes of a file.
    """
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for path in paths:
        size, crc = files[path]
        if size:
            groups[(size, crc if crc is not None else path.rpartition("/")[2])].append(path)
    repeated = [group for group in groups.values() if len(group) > 1]
    unsure = [group for group in repeated if any(files[path].crc is None for path in group)]
    if not unsure:
        return repeated
    sure = [group for group in repeated if all(files[path].crc is not None for path in group)]
    sample = sorted(unsure, key=lambda group: hash_rank(0, group[0]))[:_READ]
    confirmed: dict[Hashable, list[str]] = defaultdict(list)
    right = 0
    for group in sample:
        if (crc := _common_crc(group, read)) is not None:
            confirmed[files[group[0]].bytes, crc] += group
            right += 1
    # If groups have equal contents too, these are a placeholder, such as a web page in place of images.
    if right >= _SURE * len(sample) and 2 * len(confirmed) > right:
        read_groups = {group[0] for group in sample}
        sure += [group for group in unsure if group[0] not in read_groups]
    return sorted([*sure, *map(sorted, confirmed.values())])


def _split(folder: str) -> list[str]:
    return [part for part in folder.split("/") if part]


def _is_litter(folder: str) -> bool:
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    return bool(parts) and is_litter(parts)


def _common_crc(group: Iterable[str], read: Callable[[str], bytes]) -> int | None:
    """Return the CRC of files if they have the same."""
    try:
        crcs = {zlib.crc32(read(path)) for path in group}
    except (DamagedMember, OSError):
        return None
    return crcs.pop() if len(crcs) == 1 else None
