"""JPEGs of every common kind, damaged in the ways in which files are: cut, flipped, overwritten, with junk put in."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.helpers.image_bytes import exif
from tests.helpers.pictures import encode, picture

SIDE = 48
SOUND = {
    "baseline": encode(picture(1), quality=90),
    "4:4:4": encode(picture(2), quality=95, subsampling=0),
    "4:2:2": encode(picture(3), quality=80, subsampling=1),
    "progressive": encode(picture(4), quality=85, progressive=True),
    "grey": encode(picture(5)[..., 0], quality=90),
    "CMYK": encode(Image.fromarray(picture(6)).convert("CMYK"), quality=90),
    "restarts": encode(picture(7), quality=90, restart_marker_blocks=2),
    "turned": encode(picture(8, SIDE, 32), quality=90, exif=exif(6)),
}


def variants(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield ``count`` damaged files with what was done to each, the kinds and the damages in turn."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        kind = list(SOUND)[number % len(SOUND)]
        damage = _DAMAGES[number // len(SOUND) % len(_DAMAGES)]
        yield f"{number} {kind} {damage.__name__}", damage(SOUND[kind], rng)


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(2, len(data))]


def cut_but_ended(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut within the scan, with the end marker that makes Pillow forgive it."""
    return data[: rng.integers(data.rindex(b"\xff\xda") + 14, len(data) - 2)] + b"\xff\xd9"


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    place = rng.integers(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.integers(8)]) + data[place + 1 :]


def overwritten(data: bytes, rng: np.random.Generator) -> bytes:
    place = rng.integers(len(data) - 1)
    length = rng.integers(1, min(200, len(data) - place))
    return data[:place] + rng.bytes(length) + data[place + length :]


def lengthened(data: bytes, rng: np.random.Generator) -> bytes:
    place = rng.integers(len(data))
    return data[:place] + rng.bytes(rng.integers(1, 50)) + data[place:]


def with_segments(data: bytes, rng: np.random.Generator) -> bytes:
    """Leave out, double or move a segment of the header, change its size, or put another one in."""
    segments, position = [], 2
    while data[position + 1] != 0xDA:
        size = int.from_bytes(data[position + 2 : position + 4])
        segments.append((data[position + 1], data[position + 4 : position + 2 + size]))
        position += 2 + size
    marker, content = segments.pop(rng.integers(len(segments)))
    match rng.integers(5):
        case 1:
            segments += [(marker, content)] * 2
        case 2:
            segments.insert(rng.integers(len(segments) + 1), (marker, content))
        case 3:
            segments.append((marker, content[: rng.integers(len(content) + 1)]))
        case 4:
            other = rng.choice([0xC0, 0xC1, 0xC2, 0xC4, 0xC8, 0xDB, 0xDC, 0xDD, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE])
            segments += [(marker, content), (int(other), rng.choice([b"JFIF\0", b"Exif\0\0", b""]) + rng.bytes(9))]
    parts = (bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content for marker, content in segments)
    return data[:2] + b"".join(parts) + data[position:]


_DAMAGES = (cut, cut_but_ended, flipped, overwritten, lengthened, with_segments)
