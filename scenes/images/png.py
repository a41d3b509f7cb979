"""PNGs whose pixels do not match their checksums. Pillow, and most decoders, do not look at them there."""

import zlib

_SIGNATURE = 8  # bytes


def is_damaged(data: bytes) -> bool:
    """Return whether the checksum of a chunk of pixels (IDAT) is wrong.

    Pillow checks those of the other chunks that it needs.
    """
    start = _SIGNATURE
    while start + 12 <= len(data):
        kind, stop = data[start + 4 : start + 8], start + 8 + int.from_bytes(data[start : start + 4])
        if kind == b"IEND":
            break
        if kind == b"IDAT" and zlib.crc32(memoryview(data)[start + 4 : stop]) != int.from_bytes(data[stop : stop + 4]):
            return True
        start = stop + 4
    return False
