"""Pixels of PBM, PGM and PPM files (netpbm), whose headers Pillow reads.

Pillow reads numbers one by one in Python where they are written as text or their largest value is neither 255 nor
65535: a minute for a file of 50 MB. NumPy reads them at once, to the same values.

Source: https://netpbm.sourceforge.net/doc/ppm.html
"""

import re

import numpy as np

_COMMENT = re.compile(rb"#[^\r\n]*")
_MAX_COMMENTS = 1000  # among the samples, where hardly anybody writes one; millions would take gigabytes
_BLANKS = b" \t\n\v\f\r"


def decode(data: bytes, start: int, shape: tuple[int, ...], *, largest: int, plain: bool) -> np.ndarray:
    """Return the samples of a PGM or PPM, scaled to 8 bits, or those of a plain PBM.

    Args:
        data: the file.
        start: of the samples in it.
        shape: of the result.
        largest: the value of white, 1 to 65535.
        plain: whether the samples are decimal numbers in ASCII, not bytes.

    Returns:
        uint8 of ``shape``, 255 for white. 16-bit grey keeps its high byte.

    Raises:
        ValueError: there are too few samples, one of them is no number, or a plain one is above ``largest``.
    """
    count = int(np.prod(shape))
    if plain:
        # Given a count, NumPy would invent what is missing.
        samples = np.fromstring(_without_comments(data[start:]), np.int64, sep=" ")[:count]
        if samples.min(initial=0) < 0 or samples.max(initial=0) > largest:
            raise ValueError("a sample is out of range")
    else:
        samples = np.frombuffer(data, np.dtype(">u2" if largest > 255 else "u1"), count, start)
    if len(samples) < count:
        raise ValueError("there are too few samples")
    values = np.arange(65536)
    if largest > 255 and len(shape) == 2:
        table = np.rint(values / largest * 65535).clip(max=65535).astype(np.uint16) >> 8
    else:
        table = np.rint(values / largest * 255).clip(max=255)
    return table.astype(np.uint8)[samples].reshape(shape)


def decode_plain_bitmap(data: bytes, start: int, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a plain PBM, whose digits need no blanks between them.

    Returns:
        uint8 of ``shape``: 255 where the file has 0, and 0 where it has 1.

    Raises:
        ValueError: there are too few digits, or others than 0 and 1.
    """
    digits = np.frombuffer(_without_comments(data[start:]).translate(None, _BLANKS), np.uint8)[: shape[0] * shape[1]]
    if len(digits) < shape[0] * shape[1] or not ((digits == ord("0")) | (digits == ord("1"))).all():
        raise ValueError("a digit is missing, or neither 0 nor 1")
    return np.where(digits == ord("0"), 255, 0).astype(np.uint8).reshape(shape)


def _without_comments(text: bytes) -> bytes:
    if text.count(b"#") > _MAX_COMMENTS:
        raise ValueError("there are too many comments")
    return _COMMENT.sub(b"", text)
