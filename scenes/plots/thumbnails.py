"""Thumbnails: small copies of images, with the same proportions."""

import numpy as np
from PIL import Image

from scenes.archive.safe_zip import DamagedMember
from scenes.images import decode
from scenes.layout.layout import Archive


def thumbnail(pixels: np.ndarray, side: int) -> Image.Image:
    """Return a copy that fits into a square of ``side`` pixels; a smaller image keeps its size.

    Args:
        pixels: uint8 (height, width, 3).
    """
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return image


def member_thumbnail(archive: Archive, path: str, *, side: int, max_pixels: int) -> Image.Image | None:
    """Return the thumbnail of an archive's member, or None if it cannot be decoded.

    Args:
        side: see :func:`thumbnail`.
        max_pixels: see :func:`scenes.images.decode.decode`.
    """
    try:
        return thumbnail(decode.decode(archive.read(path), max_pixels=max_pixels).pixels, side)
    except (decode.ImageProblem, DamagedMember):
        return None
