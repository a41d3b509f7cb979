"""How bytes become pixels: the one way in the whole project, by Pillow.

Whatever an image file is, it is used as 8-bit RGB:

- an EXIF orientation is applied;
- grey, palette, bilevel, YCbCr and CMYK are converted (colour profiles are not looked at);
- 16-bit grey is scaled by its high byte, not clipped at 255;
- what is transparent is laid on white, as a browser shows it;
- of several frames the first is taken.
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

# Formats of photographs. Pillow knows more, some of which run other programs (EPS) or are not images at all.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

# How files of these formats begin, where that is long enough to mean something: such a file is damaged, not a stranger.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")

# What Pillow logs of damaged files would go to stderr: an ImageProblem says it.
logging.getLogger("PIL").addHandler(logging.NullHandler())

NOT_AN_IMAGE, CORRUPT, TOO_MANY_PIXELS = "not_an_image", "corrupt", "too_many_pixels"

_ORIENTATION = 0x0112
# In a JPEG EXIF has 64 KB. What lies beyond is no orientation, but may be millions of numbers.
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
        word: ``not_an_image`` (no format of :data:`FORMATS`, or pixels without a meaning as RGB), ``corrupt``
            (truncated, damaged, or made to take more memory or time than its pixels do) or ``too_many_pixels``.
        width, height: in pixels, as the header states them; 0 where it could not be read.
        mode: Pillow's mode, '' where it could not be read.
    """

    def __init__(self, word: str, width: int = 0, height: int = 0, mode: str = ""):
        super().__init__(word)
        self.word, self.width, self.height, self.mode = word, width, height, mode


@dataclass(frozen=True)
class Decoded:
    """An image ready to use.

    Attributes:
        pixels: uint8 of shape (height, width, 3), RGB, upright; read-only.
        format: the format of the bytes, one of :data:`FORMATS`, or ``MPO``: a JPEG of several frames, by its own name.
        mode: Pillow's mode of the stored image: ``RGB`` for nearly all photographs, ``L`` for grey, ``CMYK``, ...
    """

    pixels: np.ndarray
    format: str
    mode: str


def decode(data: bytes, *, max_pixels: int) -> Decoded:
    """Decode the bytes of an image file.

    An image of more than ``max_pixels`` is told by its header and never decoded. (Pillow has a limit of its own,
    some 180 million pixels, which a higher ``max_pixels`` does not lift.)

    Raises:
        ImageProblem: the bytes cannot be used; its ``word`` says why.
    """
    with warnings.catch_warnings():
        # Pillow warns of sizes that max_pixels judges, and of metadata that nothing here reads.
        warnings.simplefilter("ignore")
        return _decode(data, max_pixels)


def fit(pixels: np.ndarray, size: int) -> np.ndarray:
    """Bring an image to a square: the largest centred square, resized bicubically with antialiasing.

    Args:
        pixels: uint8 of shape (height, width, 3).
        size: pixels a side.

    Returns:
        uint8 of shape (size, size, 3); the very pixels given if they have that shape already.
    """
    if pixels.shape == (size, size, 3):
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(ImageOps.fit(image, (size, size), method=Image.Resampling.BICUBIC, centering=(0.5, 0.5)))


def usable_as_stored(data: bytes, size: int) -> bool:
    """Whether these bytes can go into a record as they are, for any JPEG decoder to give (size, size, 3) RGB pixels.

    True for a baseline or progressive JPEG of three 8-bit channels, of exactly that size, complete to its end marker
    and not to be turned by EXIF. Only the header is looked at: bytes that :func:`decode` refuses may pass.
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
        # Decoders of damaged bytes raise nearly anything: OSError, SyntaxError, struct.error, IndexError, ...
        raise ImageProblem(CORRUPT, width, height, mode) from None
    orientation = _orientation(image)
    try:
        rgb = _to_rgb(image)
    except MemoryError:
        raise
    except ValueError:
        # Pillow has no conversion: floats or LAB, whose values have no agreed range.
        raise ImageProblem(NOT_AN_IMAGE, width, height, mode) from None
    except Exception:
        # What decoded without its parts: for a palette that is not there it is an AssertionError.
        raise ImageProblem(CORRUPT, width, height, mode) from None
    if orientation in _TRANSPOSE:
        rgb = rgb.transpose(_TRANSPOSE[orientation])
    return Decoded(np.asarray(rgb), image.format, mode)


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
        # UnidentifiedImageError, and whatever a parser of damaged headers raises.
        begins_as_one = data.startswith(_SIGNATURES) or data[8:12] == b"WEBP"
        raise ImageProblem(CORRUPT if begins_as_one else NOT_AN_IMAGE) from None
    if 0 in image.size:
        raise ImageProblem(CORRUPT, *image.size, image.mode)
    file.left = decompression.LOADING
    return image


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) where there is none that can be read."""
    for key in ("exif", "Raw profile type exif"):
        if key in image.info:
            image.info[key] = image.info[key][:_EXIF_BYTES]
    try:
        # A TIFF turns itself when it is loaded and forgets the tag.
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # Metadata in disorder says nothing about the pixels.
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return the image in mode RGB; raises ValueError where there is no such conversion."""
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
    """Return the second byte of a JPEG's frame marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive; 0 if none."""
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return 0
        marker = data[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker
        # 0xFF before a marker is padding; 0x01 and 0xD0 to 0xD8 are markers without a segment.
        if marker == 0xFF:
            position += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            position += 2
        else:
            position += 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
    return 0
