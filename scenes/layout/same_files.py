"""Which images of an archive are the same file, by their sizes and checksums, without reading them all."""

import zlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping

from scenes.archive.safe_zip import DamagedMember
from scenes.common.hash_order import hash_rank
from scenes.layout.listing import Entry

_READ = 100  # groups that are read to see whether equal names and sizes mean equal contents
_SURE = 0.95


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


def _common_crc(group: Iterable[str], read: Callable[[str], bytes]) -> int | None:
    """Return the CRC of files if they have the same."""
    try:
        crcs = {zlib.crc32(read(path)) for path in group}
    except (DamagedMember, OSError):
        return None
    return crcs.pop() if len(crcs) == 1 else None
