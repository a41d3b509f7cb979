"""Headers of as many parts as a size allows, around the pixels of a small and sound image."""

import struct
import zlib

from tests.helpers.image_bytes import SAMPLES, chunk

SOUND = {kind: SAMPLES[kind] for kind in ("JPEG", "PNG", "GIF", "BMP", "AVIF")}
GIF_IMAGE = 13 + (6 << (SOUND["GIF"][10] & 7))
PNG_DATA = SOUND["PNG"].index(b"IDAT") - 4


def tiff(*entries: tuple[int, int, int], data: bytes) -> bytes:
    """A TIFF of 16 x 16 grey pixels, deflated, with more entries of (tag, type, value) than honest ones have."""
    honest = [(256, 4, 16), (257, 4, 16), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1)]
    place = 8 + 2 + 12 * (len(honest) + len(entries) + 2) + 4
    directory = sorted([*honest, *entries, (324, 4, place), (325, 4, len(data))], key=lambda entry: entry[0])
    packed = [struct.pack("<HHL", tag, kind, 1) + struct.pack("<L", value) for tag, kind, value in directory]
    return b"II*\0" + struct.pack("<LH", 8, len(directory)) + b"".join(packed) + bytes(4) + data


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def gif_with_a_comment(size: int) -> bytes:
    return SOUND["GIF"][:GIF_IMAGE] + b"!\xfe" + b"\1a" * (size // 2) + b"\0" + SOUND["GIF"][GIF_IMAGE:]


def within(kind: str, place: int, part: bytes, size: int) -> bytes:
    """A sound image with as many parts at a place as fit into ``size``."""
    return SOUND[kind][:place] + part * (size // len(part)) + SOUND[kind][place:]


def rationals(size: int) -> bytes:
    """A directory of a TIFF with the X resolution, of as many numbers as fit."""
    count = size // 8
    entries = struct.pack("<HHLLHHLL", 0x11A, 5, count, 38, 0x128, 3, 1, 2)
    return b"II*\0" + struct.pack("<LH", 8, 2) + entries + bytes(4) + struct.pack("<LL", 70_000, 300) * count


def exif_segments(data: bytes) -> bytes:
    parts = [data[start : start + 65_000] for start in range(0, len(data), 65_000)]
    return b"".join(segment(0xE1, b"Exif\0\0" + part) for part in parts)


def tiff_of_rationals(size: int) -> bytes:
    count = (size - 1000) // 8
    return tiff((282, 5, 400), data=struct.pack("<LL", 70_000, 300) * count).replace(
        struct.pack("<HHL", 282, 5, 1), struct.pack("<HHL", 282, 5, count)
    )


def bmp_of_runs(size: int) -> bytes:
    """A BMP of 49 million pixels, packed as runs of one."""
    header = struct.pack("<LllHHLLllLL", 40, 7000, 7000, 1, 8, 1, size, 0, 0, 256, 0)
    return b"BM" + struct.pack("<LHHL", 0, 0, 0, 54 + 1024) + header + bytes(1024) + b"\1\1" * (size // 2)


def avif_of_properties(size: int) -> bytes:
    """An AVIF that lists as many properties of its picture as fit, all empty."""
    data, added = bytearray(SOUND["AVIF"]), size // 8 * 8
    for box in (b"meta", b"iprp", b"ipco"):
        place = data.index(box) - 4
        length = int.from_bytes(data[place : place + 4])
        data[place : place + 4] = struct.pack(">L", length + added)
    return bytes(data[: place + length] + EMPTY_BOX * (added // 8) + data[place + length :])


EMPTY_BOX = struct.pack(">L4s", 8, b"free")
PROFILE = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000)))
PHOTOSHOP = segment(0xED, b"Photoshop 3.0\0" + b"8BIM\0\0\0\0\0\0\0\0" * 5000)
BIG_TIFF = b"II+\0\x08\0\0\0" + struct.pack("<Q", 16)
HEADERS = {
    "JPEG, segments": lambda size: within("JPEG", 2, b"\xff\xe5\0\2", size),
    "JPEG, comments": lambda size: within("JPEG", 2, b"\xff\xfe\0\2", size),
    "JPEG, comments in the scan": lambda size: within("JPEG", len(SOUND["JPEG"]) - 2, b"\xff\xfe\0\2", size),
    "JPEG, nothing between segments": lambda size: within("JPEG", 2, b"\xff", size),
    "JPEG, bytes between segments": lambda size: within("JPEG", 20, b"a", size),
    "JPEG, restarts": lambda size: within("JPEG", 2, b"\xff\xd0", size),
    "JPEG, ends": lambda size: within("JPEG", 2, b"\xff\xd9", size),
    "JPEG, EXIF": lambda size: within("JPEG", 2, segment(0xE1, b"Exif\0\0" + bytes(65_000)), size),
    "JPEG, EXIF of one number": lambda size: SOUND["JPEG"][:2] + exif_segments(rationals(size)) + SOUND["JPEG"][2:],
    "JPEG, Photoshop": lambda size: within("JPEG", 2, PHOTOSHOP, size),
    "PNG, private chunks": lambda size: within("PNG", 33, chunk(b"abCd", b""), size),
    "PNG, private chunks at the end": lambda size: within("PNG", len(SOUND["PNG"]) - 12, chunk(b"abCd", b""), size),
    "PNG, texts": lambda size: within("PNG", 33, chunk(b"tEXt", b"a\0"), size),
    "PNG, empty data": lambda size: within("PNG", PNG_DATA, chunk(b"IDAT", b""), size),
    "PNG, profiles": lambda size: within("PNG", 33, PROFILE, size),
    "PNG, profiles at the end": lambda size: within("PNG", len(SOUND["PNG"]) - 12, PROFILE, size),
    "GIF, a comment": gif_with_a_comment,
    "GIF, comments": lambda size: within("GIF", GIF_IMAGE, b"!\xfe\1a\0", size),
    "GIF, bytes between blocks": lambda size: within("GIF", GIF_IMAGE, b"\1", size),
    "TIFF, one number": tiff_of_rationals,
    "TIFF, entries": lambda size: (
        BIG_TIFF + struct.pack("<Q", size // 20) + struct.pack("<HHQQ", 40_000, 3, 1, 1) * (size // 20)
    ),
    "BMP, runs": bmp_of_runs,
    "PGM, comments": lambda size: b"P2\n40 30\n255\n" + b"#\n" * (size // 2) + b"1 " * 1200,
    "AVIF, properties": avif_of_properties,
    "AVIF, boxes": lambda size: within("AVIF", len(SOUND["AVIF"]), EMPTY_BOX, size),
}
