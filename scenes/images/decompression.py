"""Limits against image files made to take far more memory or time than their size and pixels suggest.

Pillow reads a header in Python, one part at a time, and keeps what it reads. 50 MB of empty parts before the pixels of
a small, sound image took half a minute and gigabytes. So Pillow gets a file with a budget (:func:`cost`). Bombs that
make it work hard without reading much are recognised beforehand (:func:`is_bomb`).
"""

import re
import struct
from collections.abc import Iterator

# Budget for reading the header. Cameras and editors write some dozens of parts; no image of the Kaggle archive costs
# more than 37. The largest known headers are 10 MB of XMP, in the JPEGs of phones that store a second picture there.
OPENING = 16_000
# Budget for reading the pixels. libpng writes a PNG of 50 MB as 6,000 parts of 8 KB. A run-length encoded BMP costs
# most, because Pillow reads every run by itself.
LOADING = 500_000

_FEW = OPENING // 4  # the cost of what a sound file has once or twice
_KB, _MOST_KB = 1024, 64  # larger parts are only stored, so their cost is capped

# Each scan of a progressive JPEG covers all its pixels. Encoders make about ten; libtiff also stops at 100.
_MAX_SCANS = 100
# A scan has a header and a table or two; all other markers begin metadata of at most 64 KB each.
_MAX_MARKERS = 5000
# 0xFF is a marker unless 0x00 (a byte of data), a restart or padding follows.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_TIFF = (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+")  # as Pillow accepts them
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_TIFF_INTEGERS = {1: "B", 3: "H", 4: "L", 16: "Q"}
# Bytes per number, for the TIFF types whose numbers Pillow turns into Python objects one by one.
_TIFF_NUMBERS = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
# A directory has some dozens of entries. Most numbers are the offset and size of each strip, which is at least a row.
_MAX_ENTRIES, _MAX_NUMBERS = 5000, 200_000


# The boxes of an ISO media file (AVIF, HEIC) that describe it are some KB, even for hundreds of tiles. Parsers keep an
# object for each part of them. A file has about five boxes; phones append a video.
_DESCRIPTIONS, _MAX_DESCRIPTION, _MAX_BOXES = (b"ftyp", b"meta", b"moov", b"moof"), 2_000_000, 5000


def cost(part: bytes) -> int:
    """Return the cost of a part that Pillow reads: 1, 1 more per KB, and more for parts that it goes on to parse."""
    parsing = 0
    if part[4:] == b"iCCP" or part.startswith(b"Exif\0\0"):
        # Pillow unpacks up to a megabyte of a PNG's profile, and joins the EXIF segments of a JPEG, however many.
        parsing = _FEW
    elif part.startswith(b"Photoshop 3.0\0"):
        parsing = part.count(b"8BIM")
    return 1 + min(len(part) // _KB, _MOST_KB) + parsing


def is_bomb(data: bytes, max_pixels: int) -> bool:
    """Return whether a file is a bomb that no budget stops.

    It has too many scans (JPEG), too large tiles or too many numbers (TIFF), or too long a description of its parts
    (AVIF and HEIC, whose parsers get the whole file at once).
    """
    if data.startswith(b"\xff\xd8"):
        return _has_too_many_scans(data)
    if data[4:8] == b"ftyp":
        return _has_too_large_boxes(data)
    return data.startswith(_TIFF) and _has_too_large_entries(data, max_pixels)


def _has_too_many_scans(data: bytes) -> bool:
    """Step from marker to marker of a JPEG, as libjpeg does."""
    scans, position = 0, 2
    for _ in range(_MAX_MARKERS):
        match = _JPEG_MARKER.search(data, position)
        if match is None or scans > _MAX_SCANS:
            break
        marker, position = data[match.start() + 1], match.end()
        if marker == 0xD9:  # the end of the picture
            break
        scans += marker == 0xDA
        if marker not in (0x01, 0xD8):  # all others begin a segment, which states its length
            position += int.from_bytes(data[position : position + 2])
    else:
        return True
    return scans > _MAX_SCANS


def _has_too_large_boxes(data: bytes) -> bool:
    """Step from box to box of an ISO media file."""
    start = 0
    for _ in range(_MAX_BOXES):
        size, kind = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8]
        if size == 0:  # up to the end of the file
            size = len(data) - start
        elif size == 1:
            size = int.from_bytes(data[start + 8 : start + 16])
        if kind in _DESCRIPTIONS and min(size, len(data) - start) > _MAX_DESCRIPTION:
            return True
        if size < 8 or start + size >= len(data):
            return False
        start += size
    return True


def _has_too_large_entries(data: bytes, max_pixels: int) -> bool:
    """Return whether the directory of a TIFF has too many entries, too many numbers or too large a tile.

    A tile is unpacked whole, however small the image is that is cut from it. If an entry is repeated, Pillow and
    libtiff may use different ones, so the largest counts.
    """
    order = "<" if data.startswith(b"II") else ">"
    largest, numbers = {_TILE_WIDTH: 0, _TILE_LENGTH: 0}, 0
    for big, (form, place) in _directories(data):
        try:
            (offset,) = struct.unpack_from(order + form, data, place)
            for entries, (tag, kind, count, value) in enumerate(_entries(data, order, offset, big)):
                if entries == _MAX_ENTRIES:
                    return True
                if kind in _TIFF_NUMBERS and count * _TIFF_NUMBERS[kind] <= len(data):  # else the file is too short
                    numbers += count
                if tag in largest:
                    largest[tag] = max(largest[tag], _number(order, kind, value))
        except (struct.error, OverflowError):
            pass  # cut short, or outside the file: the decoder will report it
    return numbers > _MAX_NUMBERS or largest[_TILE_WIDTH] * largest[_TILE_LENGTH] > max_pixels


def _directories(data: bytes) -> list[tuple[bool, tuple[str, int]]]:
    """Return, per way to read a TIFF, whether it is a BigTIFF and how its head states the directory's offset."""
    classic, big = ("L", 4), ("Q", 8)
    if data[2] == 43:
        return [(True, big)]
    # Pillow mistakes a big-endian BigTIFF for a TIFF, and then gives libtiff the offset that it read.
    return [(False, classic), (True, classic), (True, big)] if data[3] == 43 else [(False, classic)]


def _number(order: str, kind: int, value: bytes) -> int:
    """Return the number in an entry; for types that cannot be the side of a tile, one beyond all limits."""
    form = order + _TIFF_INTEGERS.get(kind, "")
    return struct.unpack_from(form, value)[0] if 0 < struct.calcsize(form) <= len(value) else 2**64


def _entries(data: bytes, order: str, offset: int, big: bool) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (tag, type, count, value or its offset) per entry of a directory; raise struct.error if it is cut short."""
    count_form, entry_form = (f"{order}Q", f"{order}HHQ8s") if big else (f"{order}H", f"{order}HHL4s")
    (count,) = struct.unpack_from(count_form, data, offset)
    offset += struct.calcsize(count_form)
    for _ in range(count):
        yield struct.unpack_from(entry_form, data, offset)
        offset += struct.calcsize(entry_form)
