"""How large an uncompressed image must be, by its own header: a scan of a white sheet packs as well as a zip bomb."""

import re
import struct
from typing import IO

_HEAD = 4096  # bytes read first, which hold the header unless a comment is longer
_BMP_PLAIN = (0, 3, 6)  # BI_RGB and BI_BITFIELDS: pixels are stored as they are
# Netpbm in binary: bits, grey levels or colours. Comments run to the end of a line.
_NETPBM = re.compile(rb"P([456])" + rb"(?:\s|#[^\n]*\n)+(\d{1,9})" * 2 + rb"(?:(?:\s|#[^\n]*\n)+(\d{1,5}))?\s")
_TIFF_ORDER = {b"II*\0": "<", b"MM\0*": ">"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277  # tags of TIFF
_NO_COMPRESSION = 1
_MOST_TAGS = 1000


def stated_bytes(file: IO[bytes], size: int) -> int:
    """Return how many bytes the header and pixels of an uncompressed BMP, PNM or TIFF take, by its header.

    Only the header is kept in memory. The directory of a TIFF may follow its pixels, which are read over then.

    Args:
        file: open for reading; it must be able to seek.
        size: of the file, in bytes.

    Returns:
        0 if the file is of another kind, compressed, or its header is damaged.

    Raises:
        Exception: what reading ``file`` raises.
    """
    head = file.read(_HEAD)
    try:
        if head.startswith(b"BM"):
            return _bmp(head)
        if match := _NETPBM.match(head):
            return _netpbm(match)
        if order := _TIFF_ORDER.get(head[:4]):
            return _tiff(file, head, order, size)
    except struct.error:
        pass
    return 0


def _bmp(head: bytes) -> int:
    (offset, header) = struct.unpack_from("<LL", head, 10)
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", head, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<llHHL", head, 18)
    if compression not in _BMP_PLAIN or width <= 0 or offset > _HEAD:
        return 0
    return offset + (width * bits + 31) // 32 * 4 * abs(height)


def _netpbm(match: re.Match[bytes]) -> int:
    kind, width, height = match[1], int(match[2]), int(match[3])
    if kind == b"4":  # bits, without a largest value: what looks like one is the first byte of the pixels
        return match.end(3) + 1 + (width + 7) // 8 * height
    if match[4] is None:
        return 0
    samples = width * height * (3 if kind == b"6" else 1)
    return match.end() + samples * (2 if int(match[4]) > 255 else 1)


def _tiff(file: IO[bytes], head: bytes, order: str, size: int) -> int:
    (offset,) = struct.unpack_from(f"{order}L", head, 4)
    if offset + 2 > size:
        return 0
    if offset >= _HEAD:
        file.seek(offset)
        directory = file.read(2 + 12 * _MOST_TAGS)
    else:
        directory = head[offset:] + file.read(12 * _MOST_TAGS)
    (count,) = struct.unpack_from(f"{order}H", directory)
    values = {_SAMPLES: 1, _COMPRESSION: _NO_COMPRESSION, _BITS: 1}
    for index in range(min(count, _MOST_TAGS)):
        tag, kind, length, value = struct.unpack_from(f"{order}HHL4s", directory, 2 + 12 * index)
        if tag not in (_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES) or kind not in (3, 4):
            continue
        if tag == _BITS and length > 2:  # 16-bit numbers that do not fit in the entry; one for each sample, all alike
            (place,) = struct.unpack(f"{order}L", value)
            file.seek(place)
            (values[tag],) = struct.unpack(f"{order}H", file.read(2))
        else:
            (values[tag],) = struct.unpack_from(f"{order}{'H' if kind == 3 else 'L'}", value)
    if values[_COMPRESSION] != _NO_COMPRESSION or not {_WIDTH, _HEIGHT} <= values.keys():
        return 0
    return (values[_WIDTH] * values[_SAMPLES] * values[_BITS] + 7) // 8 * values[_HEIGHT]
