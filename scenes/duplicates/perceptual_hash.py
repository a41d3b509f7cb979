"""Perceptual hashes of a picture, of its mirror image, and of what is left when its edges are cropped.

A pHash says which of the 64 lowest frequencies of a 32x32 grey thumbnail are above their median. Pictures that were
compressed again, scaled or changed in brightness differ in few of the 64 bits. So do many pictures that only share a
layout: a small distance makes two pictures candidates, and ``scenes.duplicates.same_picture`` decides.

In an image without structure (one colour, or a gradient along one axis), some frequencies are equal except for
rounding, and the hash would be noise that differs between machines. Such an image gets no hash: it has no near
duplicates, but it can have exact ones.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]  # left, top, right, bottom as fractions of the sides

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
# Each edge loses 3 % or nothing, or all four lose 4.5 %. With 4 bits of tolerance, 60 of 60 photographs cropped by 4 %
# of the side somewhere were found, 49 of 60 cropped by 6 % and 27 of 60 by 8 %; around the middle, 57 of 60 cropped by
# 8 % and 48 of 60 by 10 %.
CROPS: tuple[Box, ...] = (
    *((left, top, 1 - right, 1 - bottom) for left, top, right, bottom in product((0.0, 0.03), repeat=4)),
    (0.045, 0.045, 0.955, 0.955),
)[1:]
THUMBNAIL_SIDE = 16

_HASH_SIDE = 8
_HASH_BITS = _HASH_SIDE**2
_HASHED_SIDE = 32
_CROPPED_SIDE = 64
# Coefficients closer than this to their median differ from it only by rounding: thumbnails hold whole numbers, and the
# coefficients of a picture are in the hundreds to ten thousands.
_ROUNDING = 1e-6


class Fingerprint(NamedTuple):
    """What the candidates for near duplicates are found by.

    Attributes:
        hashes: uint64 of shape (2 + crops,): the pHash of the picture, the same one as ``imagehash.phash`` of the
            package ImageHash; that of its mirror image; and one for each box of :data:`CROPS`.
        thumbnail: uint8 (16, 16), grey.
    """

    hashes: np.ndarray
    thumbnail: np.ndarray


def fingerprint(pixels: np.ndarray) -> Fingerprint | None:
    """Return the hashes and the thumbnail of an image, or None for an image without structure.

    Args:
        pixels: uint8 (height, width, 3).
    """
    grey = Image.fromarray(pixels).convert("L")
    hashed = np.asarray(grey.resize((_HASHED_SIDE, _HASHED_SIDE), Image.Resampling.LANCZOS), np.float64)
    whole = _WHOLE_BASIS @ hashed @ _WHOLE_BASIS.T
    area = np.asarray(grey.resize((_CROPPED_SIDE, _CROPPED_SIDE), Image.Resampling.BOX), np.float64)
    cropped = (_VERTICAL @ area)[_ROW_INTERVAL] @ _HORIZONTAL
    # The mirror image has the same frequencies; those that are odd from left to right change their sign.
    coefficients = np.concatenate([[whole, whole * _MIRROR], cropped]).reshape(2 + len(CROPS), -1)
    ordered = np.sort(coefficients, axis=1)
    above = coefficients - (ordered[:, [_HASH_BITS // 2 - 1]] + ordered[:, [_HASH_BITS // 2]]) / 2
    if (np.abs(above[0]) < _ROUNDING).any():
        return None
    hashes = np.packbits(above > _ROUNDING, axis=1).view(">u8")[:, 0].astype(np.uint64)
    return Fingerprint(hashes, np.rint(_AVERAGE @ area @ _AVERAGE.T).astype(np.uint8))


def _basis(start: float, end: float, samples: int) -> np.ndarray:
    """Return the lowest frequencies of the discrete cosine transform (type II) over a part of a line of samples.

    The part is first averaged to 32 values, then transformed. For the arguments see :func:`area_weights`.

    Returns:
        float64 (8, samples); its product with the samples gives the coefficients.
    """
    frequency, position = np.arange(_HASH_SIDE)[:, None], np.arange(_HASHED_SIDE)[None, :]
    cosines = 2 * np.cos(np.pi * frequency * (2 * position + 1) / (2 * _HASHED_SIDE))
    return cosines @ area_weights(start, end, samples, _HASHED_SIDE)


def area_weights(start: float, end: float, samples: int, cells: int) -> np.ndarray:
    """Return what averages a part of a line of samples to a number of cells.

    Args:
        start, end: of the part, as fractions of the line.
        samples: of the whole line.
        cells: that the part is divided into.

    Returns:
        float64 (cells, samples); each row adds up to 1.
    """
    edges = np.linspace(start, end, cells + 1)[:, None] * samples
    # How far each cell reaches into each sample: the differences of the clipped edges.
    overlap = np.diff(np.clip(edges - np.arange(samples), 0, 1), axis=0)
    return overlap / overlap.sum(axis=1, keepdims=True)


_AVERAGE = area_weights(0, 1, _CROPPED_SIDE, THUMBNAIL_SIDE)
_WHOLE_BASIS = _basis(0, 1, _HASHED_SIDE)
_MIRROR = (-1.0) ** np.arange(_HASH_SIDE)
_INTERVALS = sorted({(top, bottom) for _, top, _, bottom in CROPS})
_ROW_INTERVAL = [_INTERVALS.index((top, bottom)) for _, top, _, bottom in CROPS]
_VERTICAL = np.stack([_basis(top, bottom, _CROPPED_SIDE) for top, bottom in _INTERVALS])
_HORIZONTAL = np.stack([_basis(left, right, _CROPPED_SIDE).T for left, _, right, _ in CROPS])
