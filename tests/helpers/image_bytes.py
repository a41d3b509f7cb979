"""Images as bytes: parts written by hand, and a sample of each kind of file that is read."""

import base64
import struct
import zlib

import numpy as np
from PIL import Image

from tests.helpers.pictures import encode, picture


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """Write a PNG by hand: what Pillow reads is not tested by what Pillow writes."""

    header = struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )  # fmt: skip


def scanlines(array: np.ndarray) -> bytes:
    return b"".join(b"\0" + line.tobytes() for line in array)


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    box = b"ftyp" + major + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">L", len(box) + 4) + box + bytes(100)


def netpbm(magic: bytes, samples: np.ndarray, largest: int) -> bytes:
    """A PBM (P1, without ``largest``), PGM or PPM of ``samples``, as text (P1 to P3) or as bytes."""
    height, width = samples.shape[:2]
    values = np.asarray(samples).astype(int).reshape(-1)
    text = b" ".join(str(value).encode() for value in values)
    pixels = text if magic in (b"P1", b"P2", b"P3") else values.astype(">u2" if largest > 255 else "u1").tobytes()
    head = b"%s\n# a comment\n%d %d\n" % (magic, width, height)
    return head + (b"" if magic == b"P1" else b"%d\n" % largest) + pixels


def shades(seed: int = 1) -> Image.Image:
    return Image.fromarray(picture(seed, 40, 30))


def with_alpha() -> Image.Image:
    image = shades().convert("RGBA")
    image.putalpha(image.convert("L"))
    return image


def sixteen_bits(colour: int) -> bytes:
    pixels = picture(1, 40, 30).astype(">u2") * 257
    return png(40, 30, 16, colour, scanlines(pixels if colour == 2 else pixels[..., :1]))


SAMPLES = {
    "JPEG": encode(shades()),
    "progressive": encode(shades(), progressive=True, exif=exif(6)),
    "CMYK": encode(shades().convert("CMYK")),
    "grey": encode(shades().convert("L")),
    "PNG": encode(shades(), "PNG"),
    "PNG, alpha": encode(with_alpha(), "PNG"),
    "PNG, palette and alpha": encode(shades().quantize(16), "PNG", transparency=0),
    "PNG, 16-bit grey": sixteen_bits(0),
    "PNG, 16-bit colours": sixteen_bits(2),
    "GIF": encode(shades().quantize(64), "GIF"),
    "GIF, animated": encode(shades().quantize(64), "GIF", save_all=True, append_images=[shades(2).quantize(64)]),
    "WebP": encode(shades(), "WEBP", lossless=True),
    "WebP, alpha": encode(with_alpha(), "WEBP"),
    "WebP, animated": encode(shades(), "WEBP", save_all=True, append_images=[shades(2)], lossless=True),
    "BMP": encode(shades(), "BMP"),
    "BMP, palette": encode(shades().quantize(16), "BMP"),
    "TIFF": encode(shades(), "TIFF"),
    "TIFF, LZW": encode(shades(), "TIFF", compression="tiff_lzw"),
    "TIFF, deflate and alpha": encode(with_alpha(), "TIFF", compression="tiff_adobe_deflate"),
    "TIFF, JPEG": encode(shades(), "TIFF", compression="jpeg"),
    "TIFF, fax": encode(shades().convert("1"), "TIFF", compression="group4"),
    "TIFF, big": encode(shades(), "TIFF", big_tiff=True),
    "PPM": encode(shades(), "PPM"),
    "PPM, plain": netpbm(b"P3", picture(1, 40, 30), 255),
    "PGM, 12-bit": netpbm(b"P5", picture(1, 40, 30)[..., 0] * 16.0, 4095),
    "PBM": encode(shades().convert("1"), "PPM"),
    "AVIF": encode(shades(), "AVIF", quality=90),
    "AVIF, alpha": encode(with_alpha(), "AVIF"),
}

# ``shades()`` at quality 50, written by pillow-heif, which Pillow cannot do without it.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA"
    "AERAAAEAAQAAAAABoAABAAAAAAAAASMAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADc"
    "aXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAA"
    "AwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFw"
    "AAAAKAAAAAEAAAAeAAAAAf///+gAAAAC////3gAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAABK21kYXQAAAEf"
    "KAGvEyH99Df1IKBEQ//2bDSzBd+igMrLlbslcExjgzjsGJ+b5rpYskVJQClnQqYsJfA4s3T/qtWOJmm614iIhg1MhEqXDbweYtaIW0OQ9kRJGnng"
    "OYR2O+DQnii9pXkIUGzGII9tToROxI9dHRZop1lLsfVlaw02tlxIFUIKA+duAgflsVT13ZxoTJKI7eDF9QdQbJRZFTHAtQ/ReRSMTy3ivZEmnFdg"
    "5znm+1rmgLrlH6EJk3v6UFG/72nuEBu8TROKbdLAt5gH+Oj//GsBC5kGFDaiKX1KaivJ/ba/s897oSPrNuSqCMKMiiwpAkyHS8JC+vg6fFiAylP6"
    "C8UqW9HnXMq4yoH48loNjO8Fp24g54OdQD7fS+RSHyXcUf8="
)
