"""Which files are images: the formats that are read, and how the first bytes of a file name its format."""

from importlib import import_module
from importlib.util import find_spec

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


def has_signature(data: bytes) -> bool:
    """Return whether a file says in its first bytes that it is of one of ``FORMATS``, sound or not."""
    return data.startswith(_SIGNATURES) or data[8:12] == b"WEBP" or iso_media_format(data) in FORMATS


def iso_media_format(data: bytes) -> str:
    """Return ``AVIF`` or ``HEIF`` if the file says in its first bytes that it is one, else an empty string."""
    if data[4:8] != b"ftyp":
        return ""
    brands = {data[place : place + 4] for place in range(8, min(int.from_bytes(data[:4]), 256), 4)}
    return next((name for name, of_format in _BRANDS.items() if not brands.isdisjoint(of_format)), "")
