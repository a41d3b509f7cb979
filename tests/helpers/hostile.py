"""What strangers hand in, of every kind that there is: for the command, the app's pages and whatever else takes photos.

The files are small: what is large in them is what they make a reader do.
"""

import io
import struct
import zipfile
import zlib
from typing import NamedTuple

from tests.helpers.image_bytes import SAMPLES, chunk, exif, ftyp, png, shades
from tests.helpers.pictures import encode


class Hostile(NamedTuple):
    """A file, or a zip.

    Attributes:
        sentence: a part of what is said of it; '' if it is answered.
    """

    name: str
    data: bytes
    sentence: str


MARKUP = "<img src=x onerror=window.hacked=1> **bold** [x](javascript:window.hacked=1) :red[y].jpg"
_SCRIPT = b"<script>window.hacked=1</script>"
_JPEG = SAMPLES["JPEG"]


def _pixels(side: int) -> bytes:
    """A PNG of that many pixels a side, all of them 0, in which nothing is wrong but its size."""
    header = struct.pack(">LLBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = {b"IHDR": header, b"IDAT": zlib.compress(bytes(999)), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts.items())


def _javascript() -> bytes:
    """A GIF that is a script as well: its width opens a comment, which is closed after the picture."""
    gif = SAMPLES["GIF"]
    return gif[:6] + b"/*" + gif[8:] + b"*/=1;window.hacked=1//"


def _fax() -> bytes:
    """A TIFF of a fax with damage that libtiff makes nothing of, but to write of it to stderr itself."""
    data = bytearray(encode(shades().convert("1"), "TIFF", compression="group4"))
    data[18:38] = b"\xff" * 20
    return bytes(data)


def _packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for member in members:
            archive.writestr(*member)
    return stream.getvalue()


def _long_names() -> bytes:
    info = zipfile.ZipInfo("a.jpg")
    info.extra = struct.pack("<HH", 0x100, 0) * 2000  # zipfile takes time by the square of it
    return _packed((info, _JPEG))


_POLYGLOT = _JPEG + _packed(("inside.html", _SCRIPT))

FILES = [
    Hostile("empty.jpg", b"", "it is empty (0 bytes)"),
    Hostile("words.jpg", b"no image at all", "this is not a readable image"),
    Hostile("page.jpg", b"<!doctype html>" + _SCRIPT, "this is a web page"),
    Hostile("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'>" + _SCRIPT + b"</svg>", "this is an SVG drawing"),
    Hostile("phone.heic", ftyp(b"heic", b"mif1", b"heic"), "the image is damaged or cut short"),
    Hostile("cut.jpg", _JPEG[: len(_JPEG) // 2], "the image is damaged or cut short"),
    Hostile("pixels.png", _pixels(30_000), "more than the 50,000,000 pixels allowed"),
    Hostile("palette.png", png(4, 4, 8, 3, bytes(5 * 4)), "the image is damaged or cut short"),
    Hostile("parts.jpg", _JPEG[:2] + b"\xff\xe5\0\2" * 20_000 + _JPEG[2:], "the image is damaged or cut short"),
    Hostile(MARKUP, b"no image", "this is not a readable image"),
    Hostile("turn\u202egpj.exe.jpg", b"no image", "this is not a readable image"),
    Hostile("\x1b[31mred\x07.jpg", b"no image", "this is not a readable image"),
    Hostile("<svg onload=window.hacked=1>.jpg", _JPEG, ""),
    Hostile("\x1b[2Jclear.jpg", _JPEG, ""),
    Hostile("animated.gif", SAMPLES["GIF, animated"], ""),
    Hostile("animated.webp", SAMPLES["WebP, animated"], ""),
    Hostile("cmyk.jpg", SAMPLES["CMYK"], ""),
    Hostile("16-bit grey.png", SAMPLES["PNG, 16-bit grey"], ""),
    Hostile("16-bit colours.png", SAMPLES["PNG, 16-bit colours"], ""),
    Hostile("palette and alpha.png", SAMPLES["PNG, palette and alpha"], ""),
    Hostile("turned.jpg", encode(shades(), exif=exif(6)), ""),
    Hostile("fax.tif", _fax(), ""),
    Hostile("zip as well.jpg", _POLYGLOT, ""),
    Hostile("page as well.jpg", _JPEG + b"<html>" + _SCRIPT, ""),
    Hostile("script as well.gif", _javascript(), ""),
]
ZIPS = [
    Hostile("bomb.zip", _packed(("a.bmp", bytes(30_000_000)), method=zipfile.ZIP_DEFLATED), "as a zip bomb does"),
    Hostile("climbing.zip", _packed(("../../escaped.jpg", _JPEG)), "climbs out of the archive"),
    Hostile("control.zip", _packed(("\x1b[2Jclear.jpg", _JPEG)), "holds a control character"),
    Hostile("long.zip", _long_names(), "names that are too long for paths"),
    Hostile("cut.zip", _packed(("a.jpg", _JPEG))[:60], "it is not a zip that can be read"),
    Hostile("page.zip", _POLYGLOT, "it contains no image"),
]
# The name of a member that is a photo, in a zip in which nothing is wrong.
MEMBER = f"{MARKUP[:-4]}.gif"
SOUND_ZIP = Hostile("names.zip", _packed((MEMBER, SAMPLES["GIF"])), "")
