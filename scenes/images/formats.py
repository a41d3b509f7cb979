"""Which files are images: the formats that are read, and how the first bytes of a file name its format."""

from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

from scenes.common.words import count

# Formats of photographs, by Pillow's names; PPM stands for PBM, PGM and PPM. Pillow reads more, some of which run other
# programs (EPS) or are not images at all.
FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
if find_spec("pi_heif"):  # a plugin for Pillow; it decodes what iPhones write, by libheif and libde265
    import_module("pi_heif").register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    FORMATS += ("HEIF",)

# The signatures that are long enough to tell a damaged image from a file of another kind.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
# Brands of ISO media files (ISO/IEC 23000-22 and 23008-12), the more telling first: an AVIF may also list mif1.
_BRANDS = {"AVIF": (b"avif", b"avis"), "HEIF": (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")}
# Formats that are not read, although people take them for photos: the file in boxes and the bare codestream of
# ISO/IEC 18181-2 and 15444-1.
_NOT_READ = {
    "JPEG XL": (b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
}


def has_signature(data: bytes) -> bool:
    """Return whether a file says in its first bytes that it is of one of ``FORMATS``, sound or not."""
    return data.startswith(_SIGNATURES) or data[8:12] == b"WEBP" or iso_media_format(data) in FORMATS


def format_not_read(data: bytes) -> str:
    """Return the name of a picture's format that is not read here, by the first bytes of the file; '' for any other.

    The names are ``JPEG XL``, ``JPEG 2000``, ``SVG``, and ``HEIC`` where its decoder is not installed.
    """
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in head:
        return "SVG"
    if "HEIF" not in FORMATS and iso_media_format(data) == "HEIF":
        return "HEIC"
    return next((name for name, signatures in _NOT_READ.items() if data.startswith(signatures)), "")


def not_read(formats: Iterable[str]) -> list[str]:
    """Return a sentence on each format of pictures that are not read, the most frequent first.

    Args:
        formats: that of each picture, see :func:`format_not_read`.
    """
    counts = sorted(Counter(formats).items(), key=lambda item: (-item[1], item[0]))
    return [
        f"{count(number, 'image')} {'is' if number == 1 else 'are'} {name}, which is not read; save "
        f"{'it' if number == 1 else 'them'} as JPEG or PNG"
        for name, number in counts
    ]


def iso_media_format(data: bytes) -> str:
    """Return ``AVIF`` or ``HEIF`` if the file says in its first bytes that it is one, else an empty string."""
    if data[4:8] != b"ftyp":
        return ""
    brands = {data[place : place + 4] for place in range(8, min(int.from_bytes(data[:4]), 256), 4)}
    return next((name for name, of_format in _BRANDS.items() if not brands.isdisjoint(of_format)), "")
