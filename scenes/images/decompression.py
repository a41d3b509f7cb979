"""Image files made to take far more memory or time than their pixels do, within the bytes that are taken.

Pillow reads a header in Python, a part at a time, and keeps what it read. Some 50 MB of empty parts, in front of the
pixels of a small and sound image, took it half a minute and gigabytes. So it is handed a file with a budget, see
:func:`cost`; what costs it much without reading much is looked for beforehand, see :func:`is_bomb`.
"""

import re
import struct
from collections.abc import Iterator

# What opening may cost. Cameras and editors write some dozens of parts: no image of the Kaggle archive costs more than
# 37. The most that is known of is some 10 MB of XMP, in the JPEGs of phones that keep a second picture there.
OPENING = 16_000
# What reading the pixels may cost: a PNG of 50 MB has 6,000 parts of 8 KB, as libpng writes them; most is taken by a
# BMP packed by runs, of which Pillow reads each by itself.
LOADING = 500_000

_FEW = OPENING // 4  # for what a sound file has once, perhaps twice
_KB, _MOST_KB = 1024, 64  # of larger parts Pillow does no more than to keep them

# A progressive JPEG repeats all its pixels in each scan. Encoders make some ten; libtiff stops at 100 as well.
_MAX_SCANS = 100
# Of a JPEG up to its end: a scan has a table or two and a header, and all else is metadata of at most 64 KB a segment.
_MAX_MARKERS = 5000
# A marker ends the data of a scan: 0xFF, but before 0x00 (a byte of the data), a restart, or padding.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_TIFF = (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+")  # as Pillow accepts them
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_TIFF_INTEGERS = {1: "B", 3: "H", 4: "L", 16: "Q"}
# Bytes of what Pillow turns into objects of Python one by one, by TIFF's types; the others stay bytes.
_TIFF_NUMBERS = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
# A directory has some dozens of entries, and of numbers a place and a size for each strip, which is a row at least.
_MAX_ENTRIES, _MAX_NUMBERS = 5000, 200_000


def cost(part: bytes) -> int:
    """Return what a part that Pillow reads costs, in calls: 1 and 1 more for each KB, and what it goes on to do."""
    done = 0
    if part[4:] == b"iCCP" or part.startswith(b"Exif\0\0"):
        # Of a PNG's profile it unpacks up to a megabyte; a JPEG's EXIF it reads as one, however many segments it has.
        done = _FEW
    elif part.startswith(b"Photoshop 3.0\0"):
        done = part.count(b"8BIM")
    return 1 + min(len(part) // _KB, _MOST_KB) + done


def is_bomb(data: bytes, max_pixels: int) -> bool:
    """Whether a file is a bomb that no budget stops: a TIFF's tiles or numbers, a JPEG's scans."""
    if data.startswith(b"\xff\xd8"):
        return _has_too_many_scans(data)
    return data.startswith(_TIFF) and _has_too_large_entries(data, max_pixels)


def _has_too_many_scans(data: bytes) -> bool:
    """Walk through a JPEG as libjpeg does, from marker to marker."""
    scans, position = 0, 2
    for _ in range(_MAX_MARKERS):
        found = _JPEG_MARKER.search(data, position)
        if found is None or scans > _MAX_SCANS:
            break
        marker, position = data[found.start() + 1], found.end()
        if marker == 0xD9:  # the end; what follows is no part of the picture
            break
        scans += marker == 0xDA
        if marker not in (0x01, 0xD8):  # all others begin a segment, which states its length
            position += int.from_bytes(data[position : position + 2])
    else:
        return True
    return scans > _MAX_SCANS


def _has_too_large_entries(data: bytes, max_pixels: int) -> bool:
    """Whether the directory of a TIFF tells of too many entries, of too many numbers or of too large a tile.

    A tile is unpacked whole, however small the image is that is cut from it. Of several entries of a kind Pillow and
    libtiff may take different ones: here the largest counts.
    """
    order = "<" if data.startswith(b"II") else ">"
    largest, numbers = {_TILE_WIDTH: 0, _TILE_LENGTH: 0}, 0
    for big, (form, place) in _directories(data):
        try:
            (offset,) = struct.unpack_from(order + form, data, place)
            for entries, (tag, kind, count, value) in enumerate(_entries(data, order, offset, big)):
                if entries == _MAX_ENTRIES:
                    return True
                if kind in _TIFF_NUMBERS and count * _TIFF_NUMBERS[kind] <= len(data):  # else they are not there
                    numbers += count
                if tag in largest:
                    largest[tag] = max(largest[tag], _number(order, kind, value))
        except (struct.error, OverflowError):
            pass  # cut short, or nowhere: the decoder will say so
    return numbers > _MAX_NUMBERS or largest[_TILE_WIDTH] * largest[_TILE_LENGTH] > max_pixels


def _directories(data: bytes) -> list[tuple[bool, tuple[str, int]]]:
    """Return, for each reader of a TIFF, whether it takes it for a BigTIFF and where the head says the directory is."""
    classic, big = ("L", 4), ("Q", 8)
    if data[2] == 43:
        return [(True, big)]
    # Pillow takes a BigTIFF of big-endian numbers for a TIFF, and then sends libtiff to the place that it read.
    return [(False, classic), (True, classic), (True, big)] if data[3] == 43 else [(False, classic)]


def _number(order: str, kind: int, value: bytes) -> int:
    """Return the number in an entry; of a type that is none for the side of a tile, one that is beyond all bounds."""
    form = order + _TIFF_INTEGERS.get(kind, "")
    return struct.unpack_from(form, value)[0] if 0 < struct.calcsize(form) <= len(value) else 2**64


def _entries(data: bytes, order: str, offset: int, big: bool) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (tag, type, count, value or its place) of the directory at ``offset``; raises struct.error at its end."""
    count_form, entry_form = (f"{order}Q", f"{order}HHQ8s") if big else (f"{order}H", f"{order}HHL4s")
    (count,) = struct.unpack_from(count_form, data, offset)
    offset += struct.calcsize(count_form)
    for _ in range(count):
        yield struct.unpack_from(entry_form, data, offset)
        offset += struct.calcsize(entry_form)
