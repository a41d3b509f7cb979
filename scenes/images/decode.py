"""Decodes image files in the one way that the whole project uses: audit, records, app and command.

Every image becomes 8-bit RGB:

- its EXIF orientation is applied;
- grey, palette, bilevel, YCbCr and CMYK are converted; colour profiles are ignored;
- 16-bit grey is reduced to its high byte, not clipped at 255;
- transparent pixels are composited on white, as a browser shows them;
- only the first of several frames is used.

Pillow reads the headers, and the pixels of all formats but JPEG, which simplejpeg decodes (``scenes.images.jpeg``); a
sound JPEG with a plain header needs no Pillow. A JPEG that makes libjpeg warn is decoded by Pillow, which accepts it
unless its last rows are missing. Such an image is ``damaged``, and so is a PNG with a wrong checksum; the pixels are
still the same for everybody. In the other formats nothing tells whether a byte has changed, as long as they can be
decoded.
"""

import io
import logging
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from scenes.common.limited_reader import LimitedReader
from scenes.images import decompression, jpeg, netpbm, png
from scenes.images.formats import FORMATS, has_signature

# Without a handler Pillow's log messages about damaged files would go to stderr. An ImageProblem reports the damage.
logging.getLogger("PIL").addHandler(logging.NullHandler())

NOT_AN_IMAGE, CORRUPT, TOO_MANY_PIXELS = "not_an_image", "corrupt", "too_many_pixels"

FIT_METHODS = ("crop", "pad", "squash")
# The grey that networks see as nothing: 0 after EfficientNet-Lite's (x - 127) / 128, and within 0.004 of it after the
# scaling to -1 to 1 of the others. It is the same for every picture, so that its edges tell nothing about the class.
PADDING = 127

_ORIENTATION = 0x0112
_PLAIN_PIXELS = 10_000_000  # of larger JPEGs Pillow reads the header: it takes no time beside the pixels
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
        reason: ``not_an_image`` (of none of the formats that are read, or pixels without a meaning as RGB), ``corrupt``
            (truncated, damaged, or made to take more memory or time than its pixels need) or ``too_many_pixels``.
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
        format: the format of the file, see ``scenes.images.formats``, or ``MPO`` for a JPEG of several frames.
        mode: Pillow's mode of the stored image: ``RGB`` for nearly all photographs, ``L`` for grey, ``CMYK``, ...
        damaged: whether a part of the pixels is missing or wrong: libjpeg warned of a JPEG, or a checksum of a PNG does
            not match. Always False for other formats.
        portable: whether any JPEG decoder turns the file into these pixels, without a warning: a baseline or
            progressive JPEG of three channels, sound, upright and with an end marker.
    """

    pixels: np.ndarray
    format: str
    mode: str
    damaged: bool = False
    portable: bool = False


class Header(NamedTuple):
    """What the header of an image file states, see :func:`read_header`.

    Attributes:
        width, height: in pixels, of the upright image.
        format: see :class:`Decoded`.
        orientation: EXIF's, 1 to 8; 1 is upright.
    """

    width: int
    height: int
    format: str
    orientation: int


def decode(data: bytes, *, max_pixels: int) -> Decoded:
    """Decode the bytes of an image file.

    An image of more than ``max_pixels`` is recognised by its header and never decoded. A higher ``max_pixels`` does not
    raise Pillow's own limit of about 180 million pixels.

    Raises:
        ImageProblem: the bytes cannot be used; its ``reason`` says why.
    """
    if decompression.is_bomb(data, max_pixels):
        raise ImageProblem(CORRUPT)
    if plain := _decode_plain_jpeg(data, max_pixels):
        return plain
    with warnings.catch_warnings():
        # Pillow warns of sizes, which max_pixels limits, and of metadata that is not used.
        warnings.simplefilter("ignore")
        return _decode(data, max_pixels)


def read_header(data: bytes) -> Header:
    """Read the header of an image file, without decoding its pixels.

    Raises:
        ImageProblem: it has none that can be used.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # see :func:`decode`
        image = _open(data)
        orientation = _orientation(image)
    width, height = image.size if orientation < 5 else image.size[::-1]
    return Header(width, height, str(image.format), orientation)


def is_web_page(data: bytes) -> bool:
    """Return whether bytes are an HTML page, which is what a failed download often saves under an image's name."""
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


def fit(pixels: np.ndarray, size: int, method: str = "crop") -> np.ndarray:
    """Bring a picture to a square, bicubically with antialiasing.

    Args:
        pixels: uint8 (height, width, 3).
        size: pixels a side.
        method: ``crop`` the largest centred square; ``pad``: the whole picture, its proportions kept, centred on
            :data:`PADDING`; or ``squash``: the whole picture, its proportions changed.

    Returns:
        uint8 (size, size, 3); ``pixels`` itself if it already has that shape.

    Raises:
        ValueError: there is no such method.
    """
    if method not in FIT_METHODS:
        raise ValueError(f"{method!r} is none of {', '.join(FIT_METHODS)}")
    if pixels.shape == (size, size, 3):
        return pixels
    height, width, _ = pixels.shape
    if method == "crop":
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        return _resize(pixels, size, size, (left, top, left + side, top + side))
    if method == "squash":
        return _resize(pixels, size, size, (0, 0, width, height))
    longest = max(height, width)
    new_height, new_width = (max(round(side * size / longest), 1) for side in (height, width))
    top, left = (size - new_height) // 2, (size - new_width) // 2
    square = np.full((size, size, 3), PADDING, np.uint8)
    whole = _resize(pixels, new_height, new_width, (0, 0, width, height))
    square[top : top + new_height, left : left + new_width] = whole
    return square


def _resize(pixels: np.ndarray, height: int, width: int, box: tuple[float, float, float, float]) -> np.ndarray:
    """Resize the part of a picture within (left, top, right, bottom), columns first.

    Pillow itself picks the order of the two passes by the shape, which changes the rounding between them. A fixed order
    can be repeated in a TensorFlow graph.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    left, top, right, bottom = box
    narrow = image.resize((width, image.height), Image.Resampling.BICUBIC, (left, 0, right, image.height))
    return np.asarray(narrow.resize((width, height), Image.Resampling.BICUBIC, (0, top, width, bottom)))


def _decode_plain_jpeg(data: bytes, max_pixels: int) -> Decoded | None:
    """Return what :func:`_decode` returns, without Pillow; None for damaged files and all others."""
    width, height, mode = jpeg.plain_frame(data) or (0, 0, "")
    if not 0 < width * height <= min(max_pixels, _PLAIN_PIXELS):
        return None
    pixels = jpeg.decode_sound(data, width, height)
    if pixels is None:
        return None
    pixels.flags.writeable = False
    return Decoded(pixels, "JPEG", mode, portable=mode == "RGB" and jpeg.is_portable(data))


def _decode(data: bytes, max_pixels: int) -> Decoded:
    image = _open(data)
    width, height, mode = *image.size, image.mode
    if width * height > max_pixels:
        raise ImageProblem(TOO_MANY_PIXELS, width, height, mode)
    kind = str(image.format)
    is_jpeg = kind in ("JPEG", "MPO")
    sound = jpeg.decode_sound(data, width, height) if is_jpeg and mode in ("RGB", "L") else None
    if sound is None:
        pixels, orientation = _decode_by_pillow(data, image)
    else:
        pixels, orientation = sound, _orientation(image)
    if orientation in _TRANSPOSE:
        pixels = np.asarray(Image.fromarray(pixels).transpose(_TRANSPOSE[orientation]))
    pixels.flags.writeable = False
    return Decoded(
        pixels,
        kind,
        mode,
        damaged=(is_jpeg and sound is None and jpeg.is_damaged(data)) or (kind == "PNG" and png.is_damaged(data)),
        portable=kind == "JPEG" and mode == "RGB" and sound is pixels and jpeg.is_portable(data),
    )


def _decode_by_pillow(data: bytes, image: Image.Image) -> tuple[np.ndarray, int]:
    """Return the pixels of an opened image, uint8 (height, width, 3), not turned, and its EXIF orientation."""
    width, height, mode = *image.size, image.mode
    try:
        image = _netpbm(data, image) or image
        image.load()
    except MemoryError:
        raise
    except Exception:
        # Decoders raise nearly anything on damaged bytes: OSError, SyntaxError, struct.error, IndexError, ...
        raise ImageProblem(CORRUPT, width, height, mode) from None
    orientation = _orientation(image)  # a PNG may state it after its pixels
    try:
        return np.asarray(_to_rgb(image)), orientation
    except MemoryError:
        raise
    except ValueError:
        # Floats, LAB or HSV: Pillow has no conversion, because their values have no agreed range.
        raise ImageProblem(NOT_AN_IMAGE, width, height, mode) from None
    except Exception:
        # The image decoded but lacks a part; a missing palette raises an AssertionError.
        raise ImageProblem(CORRUPT, width, height, mode) from None


def _netpbm(data: bytes, image: Image.Image) -> Image.Image | None:
    """Return the loaded image of a netpbm file that Pillow would read number by number; None for all others."""
    (width, height), bands = image.size, len(image.getbands())
    shape = (height, width, bands) if bands > 1 else (height, width)
    match getattr(image, "tile", None):
        case [("ppm_plain", _, start, str())]:
            return Image.fromarray(netpbm.decode_plain_bitmap(data, start, (height, width)))
        case [("ppm" | "ppm_plain" as decoder, _, start, (_, largest))]:
            plain = decoder == "ppm_plain"
            return Image.fromarray(netpbm.decode(data, start, shape, largest=largest, plain=plain))
    return None


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
        raise ImageProblem(CORRUPT if has_signature(data) else NOT_AN_IMAGE) from None
    if 0 in image.size:
        raise ImageProblem(CORRUPT, *image.size, image.mode)
    file.left = decompression.LOADING
    return image


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) if there is none or it cannot be read."""
    for key in ("exif", "Raw profile type exif"):
        if image.info.get(key):
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
