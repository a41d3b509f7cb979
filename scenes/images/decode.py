"""Decodes image files with Pillow, in the one way that the whole project uses.

Every image becomes 8-bit RGB:

- its EXIF orientation is applied;
- grey, palette, bilevel, YCbCr and CMYK are converted; colour profiles are ignored;
- 16-bit grey is reduced to its high byte, not clipped at 255;
- transparent pixels are composited on white, as a browser shows them;
- only the first of several frames is used.
"""

import io
import logging
import struct
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from scenes.common.limited_reader import LimitedReader
from scenes.images import decompression

# Formats of photographs. Pillow reads more, some of which run other programs (EPS) or are not images at all.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

# The signatures that are long enough to tell a damaged image from a file of another kind.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")

# Without a handler Pillow's log messages about damaged files would go to stderr. An ImageProblem reports the damage.
logging.getLogger("PIL").addHandler(logging.NullHandler())

NOT_AN_IMAGE, CORRUPT, TOO_MANY_PIXELS = "not_an_image", "corrupt", "too_many_pixels"

_ORIENTATION = 0x0112
# EXIF in a JPEG has at most 64 KB. Anything longer may hold millions of numbers, but not the orientation.
_EXIF_BYTES = 200_000
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageProblem(Exception):
    """Bytes that cannot be used as an image.

    Attributes:
        reason: ``not_an_image`` (none of :data:`FORMATS`, or pixels without a meaning as RGB), ``corrupt`` (truncated,
            damaged, or made to take more memory or time than its pixels need) or ``too_many_pixels``.
        width, height: in pixels, as the header states them; 0 if it cannot be read.
        mode: Pillow's mode; '' if it cannot be read.
    """

    def __init__(self, reason: str, width: int = 0, height: int = 0, mode: str = "") -> None:
        super().__init__(reason)
        self.reason, self.width, self.height, self.mode = reason, width, height, mode


@dataclass(frozen=True)
class Decoded:
    """A decoded image.

    Attributes:
        pixels: uint8 (height, width, 3), RGB, upright, read-only.
        format: the format of the file, one of :data:`FORMATS`, or ``MPO`` for a JPEG of several frames.
        mode: Pillow's mode of the stored image: ``RGB`` for nearly all photographs, ``L`` for grey, ``CMYK``, ...
    """

    pixels: np.ndarray
    format: str
    mode: str


def decode(data: bytes, *, max_pixels: int) -> Decoded:
    """Decode the bytes of an image file.

    An image of more than ``max_pixels`` is recognised by its header and never decoded. A higher ``max_pixels`` does not
    raise Pillow's own limit of about 180 million pixels.

    Raises:
        ImageProblem: the bytes cannot be used; its ``reason`` says why.
    """
    with warnings.catch_warnings():
        # Pillow warns of sizes, which max_pixels limits, and of metadata that is not used.
        warnings.simplefilter("ignore")
        return _decode(data, max_pixels)


def fit(pixels: np.ndarray, size: int) -> np.ndarray:
    """Crop the largest centred square and resize it, bicubically with antialiasing.

    Args:
        pixels: uint8 (height, width, 3).
        size: pixels a side.

    Returns:
        uint8 (size, size, 3); ``pixels`` itself if it already has that shape.
    """
    if pixels.shape == (size, size, 3):
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(ImageOps.fit(image, (size, size), method=Image.Resampling.BICUBIC, centering=(0.5, 0.5)))


def usable_as_stored(data: bytes, size: int) -> bool:
    """Return whether a record can hold these bytes: any JPEG decoder turns them into (size, size, 3) RGB pixels.

    They must be a baseline or progressive JPEG with three 8-bit channels, of exactly that size, with an end marker and
    without an EXIF rotation. Only the header is examined: bytes that :func:`decode` refuses may pass.
    """
    if not data.startswith(b"\xff\xd8") or not data.endswith(b"\xff\xd9"):
        return False
    if _jpeg_process(data) not in (0xC0, 0xC1, 0xC2):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = _open(data)
        except ImageProblem:
            return False
        upright = _orientation(image) not in _TRANSPOSE
    return image.format == "JPEG" and image.mode == "RGB" and image.size == (size, size) and upright


def _decode(data: bytes, max_pixels: int) -> Decoded:
    if decompression.is_bomb(data, max_pixels):
        raise ImageProblem(CORRUPT)
    image = _open(data)
    width, height, mode = *image.size, image.mode
    if width * height > max_pixels:
        raise ImageProblem(TOO_MANY_PIXELS, width, height, mode)
    try:
        image.load()
    except MemoryError:
        raise
    except Exception:
        # Decoders raise nearly anything on damaged bytes: OSError, SyntaxError, struct.error, IndexError, ...
        raise ImageProblem(CORRUPT, width, height, mode) from None
    orientation = _orientation(image)
    try:
        rgb = _to_rgb(image)
    except MemoryError:
        raise
    except ValueError:
        # Floats, LAB or HSV: Pillow has no conversion, because their values have no agreed range.
        raise ImageProblem(NOT_AN_IMAGE, width, height, mode) from None
    except Exception:
        # The image decoded but lacks a part; a missing palette raises an AssertionError.
        raise ImageProblem(CORRUPT, width, height, mode) from None
    if orientation in _TRANSPOSE:
        rgb = rgb.transpose(_TRANSPOSE[orientation])
    return Decoded(np.asarray(rgb), str(image.format), mode)


def _open(data: bytes) -> Image.Image:
    """Read the header; the pixels are not decoded yet."""
    file = LimitedReader(io.BytesIO(data), decompression.OPENING, decompression.cost)
    try:
        image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        raise ImageProblem(TOO_MANY_PIXELS) from None
    except MemoryError:
        raise
    except Exception:
        # UnidentifiedImageError, and anything that a parser raises on a damaged header.
        has_signature = data.startswith(_SIGNATURES) or data[8:12] == b"WEBP"
        raise ImageProblem(CORRUPT if has_signature else NOT_AN_IMAGE) from None
    if 0 in image.size:
        raise ImageProblem(CORRUPT, *image.size, image.mode)
    file.left = decompression.LOADING
    return image


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) if there is none or it cannot be read."""
    for key in ("exif", "Raw profile type exif"):
        if key in image.info:
            image.info[key] = image.info[key][:_EXIF_BYTES]
    try:
        # Pillow turns a TIFF when it is loaded and drops the tag.
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # Damaged metadata says nothing about the pixels.
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return the image in mode RGB; raise ValueError if there is no such conversion."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "I" or image.mode.startswith("I;16"):
        # Pillow would clip at 255 and turn all but the darkest pixels white.
        high = np.clip(np.asarray(image), 0, 65535).astype(np.uint16) >> 8
        return Image.fromarray(high.astype(np.uint8)).convert("RGB")
    if image.mode in ("F", "LAB", "HSV"):
        raise ValueError(image.mode)
    if image.has_transparency_data:
        front = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", front.size, "white"), front).convert("RGB")
    return image.convert("RGB")


def _jpeg_process(data: bytes) -> int:
    """Return the second byte of a JPEG's frame marker (0xC0 baseline, 0xC1 extended, 0xC2 progressive), or 0."""
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return 0
        marker = data[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker
        # 0xFF before a marker is padding. The markers 0x01 and 0xD0 to 0xD8 have no segment.
        if marker == 0xFF:
            position += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            position += 2
        else:
            position += 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
    return 0
