"""Pairs of images that may be one picture, found by their perceptual hashes and thumbnails.

However alike the images of a data set are (100,000 nearly blank scans, digits in one font), the number of pairs grows
with the number of images and not with its square. Of more than 32 images with one hash, an image is compared with those
that are about as bright, and not for crops; and at most 6 partners remain, those with the most similar thumbnails.
Every one of many copies of a picture is among the most similar to some other, so their groups stay whole.
"""

from typing import NamedTuple

import numpy as np

from scenes.duplicates.hash_search import HashIndex, expand
from scenes.duplicates.perceptual_hash import CROPS, THUMBNAIL_SIDE, WHOLE, Box, area_weights
from scenes.duplicates.same_picture import edge_motions

_PER_HASH = 32
_PARTNERS = 6
_LEAST_CORRELATION = 0.9  # of two thumbnails
# How far an edge of a view may have to move, as a share of the side. It drops 2 of 1,000 copies of photos, and of the
# other pairs 3 of 10 of photos and 7 of 10 of the made-up pictures in benchmarks/pieces.py.
_LARGEST_MOTION = 0.08
_ALIKE_CORRELATION, _ALIKE_SAMPLE = 1 / 3, 10_000
_BLOCK = 32_768  # pairs whose thumbnails are compared at once, in some 100 MB
_KEPT = 1_000_000  # pairs, before those of lower rank are dropped
_FITTED = 2_048  # pairs for which the motion of the edges is fitted at once, in some 50 MB
# Averages each cell of a line with its neighbours, 2 : 1: steps from one cell to the next say little about motion.
_SMOOTHING = 2 * np.eye(THUMBNAIL_SIDE) + np.eye(THUMBNAIL_SIDE, k=1) + np.eye(THUMBNAIL_SIDE, k=-1)
_SMOOTHING /= _SMOOTHING.sum(axis=1, keepdims=True)


class Pairs(NamedTuple):
    """Candidates, sorted by ``first`` and ``second``.

    Attributes:
        first, second: int64 of shape (pairs,), indices of the images.
        view: int64 of shape (pairs,), the view of ``first`` that resembles ``second``, an index of :data:`VIEWS`.
    """

    first: np.ndarray
    second: np.ndarray
    view: np.ndarray


class View(NamedTuple):
    """A part of a picture, or its mirror image."""

    box: Box
    mirrored: bool


# In the order of ``Fingerprint.hashes``.
VIEWS = (View(WHOLE, False), View(WHOLE, True), *(View(box, False) for box in CROPS))
_FIRST_CROP = 2


def find(hashes: np.ndarray, thumbnails: np.ndarray, distance: int) -> Pairs:
    """Return the pairs of images in which a view of one resembles the whole of the other.

    Args:
        hashes: uint64 (images, views), see ``Fingerprint.hashes``.
        thumbnails: uint8 (images, 16, 16).
        distance: of the hashes, in bits.

    Returns:
        Every pair once, with its best view.
    """
    whole, bucket = np.unique(hashes[:, 0], return_inverse=True)
    # Images in the order of their hash, and of their brightness within a hash.
    position = bucket * (256 * THUMBNAIL_SIDE**2) + thumbnails.sum(axis=(1, 2), dtype=np.int64)
    ordered = np.argsort(position, kind="stable")
    positions = position[ordered]
    starts = np.searchsorted(bucket[ordered], np.arange(len(whole) + 1))
    found, count, limit = [np.empty((0, 4), np.int64)], 0, _KEPT
    for view, rows, buckets, _ in HashIndex(whole, distance).near(hashes.T):
        first, last = starts[buckets], starts[buckets + 1]
        if view >= _FIRST_CROP:
            last = np.where(last - first > _PER_HASH, first, last)
        # Of many images with one hash, take those that are about as bright.
        many = np.flatnonzero(last - first > _PER_HASH)
        wanted = position[rows[many]] + (buckets[many] - bucket[rows[many]]) * (256 * THUMBNAIL_SIDE**2)
        middle = np.searchsorted(positions, wanted) - _PER_HASH // 2
        first[many] = np.clip(middle, first[many], last[many] - _PER_HASH)
        last = np.minimum(last, first + _PER_HASH)
        for number, places in expand(first, last, _BLOCK):
            found.append(_alike(thumbnails, rows[number], ordered[places], view))
            count += len(found[-1])
            if count > limit:
                found = [_best(np.concatenate(found))]
                count = len(found[0])
                limit = max(_KEPT, 2 * count)
    pairs = _best(np.concatenate(found))
    pairs = pairs[_aligned(thumbnails, pairs)]
    return Pairs(*pairs[np.lexsort((pairs[:, 1], pairs[:, 0])), :3].T)


def share_a_layout(thumbnails: np.ndarray) -> bool:
    """Return whether any two images resemble each other, as X-rays, cards or digits do and photographs don't.

    The median correlation of the thumbnails of unrelated images is 0.2 for photographs of scenes, and 0.45 to 0.95 for
    digits, cards and X-rays.

    Args:
        thumbnails: uint8 (images, 16, 16), in an order that says nothing about the images: each of the first 10,000 is
            compared with the next.
    """
    thumbnails = thumbnails[:_ALIKE_SAMPLE]
    return len(thumbnails) > 1 and bool(np.median(_correlations(thumbnails[:-1], thumbnails[1:])) > _ALIKE_CORRELATION)


def _alike(thumbnails: np.ndarray, first: np.ndarray, second: np.ndarray, view: int) -> np.ndarray:
    """Return first, second, view and score of the pairs with similar thumbnails: int64 (pairs, 4).

    The score is the correlation of the two thumbnails in millionths.
    """
    others = first != second
    first, second = first[others], second[others]
    score = _correlations(_seen(thumbnails[first], view), thumbnails[second])
    pairs = np.stack([first, second, np.full_like(first, view), (score * 1e6).astype(np.int64)], axis=1)
    return pairs[score >= _LEAST_CORRELATION]


def _aligned(thumbnails: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return whether the view of each pair shows about what the second image does: bool (pairs,)."""
    aligned = np.empty(len(pairs), bool)
    for view in range(len(VIEWS)):
        of_view = np.flatnonzero(pairs[:, 2] == view)
        for start in range(0, len(of_view), _FITTED):
            rows = of_view[start : start + _FITTED]
            first, second = pairs[rows, :2].T
            shown, target = (
                _SMOOTHING @ values @ _SMOOTHING.T for values in (_seen(thumbnails[first], view), thumbnails[second])
            )
            aligned[rows] = np.abs(edge_motions(shown, target)).max(axis=1) <= _LARGEST_MOTION
    return aligned


def _seen(thumbnails: np.ndarray, view: int) -> np.ndarray:
    """Return a view of each thumbnail, in whole numbers."""
    (left, top, right, bottom), mirrored = VIEWS[view]
    if mirrored:
        return thumbnails[..., ::-1]
    if (left, top, right, bottom) == WHOLE:
        return thumbnails
    side = THUMBNAIL_SIDE
    return np.rint(area_weights(top, bottom, side, side) @ thumbnails @ area_weights(left, right, side, side).T)


def _correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlation of each thumbnail with its partner, float64; 0 if one of them is blank.

    It is computed from sums of whole numbers below 2**24, which float32 holds exactly: the same on every machine.
    """
    count = THUMBNAIL_SIDE**2
    a, b = (values.reshape(-1, count).astype(np.float32) for values in (first, second))
    sum_a, sum_b, aa, bb, ab = (
        np.einsum("ij,ij->i", x, y).astype(np.float64)
        for x, y in ((a, np.ones_like(a)), (b, np.ones_like(b)), (a, a), (b, b), (a, b))
    )
    spread = np.sqrt((count * aa - sum_a**2) * (count * bb - sum_b**2))
    return (count * ab - sum_a * sum_b) / np.maximum(spread, 1)


def _best(pairs: np.ndarray) -> np.ndarray:
    """Keep the best view of each pair, and each image's partners with the highest scores."""
    first, second, view, score = pairs.T
    low, high = np.minimum(first, second), np.maximum(first, second)
    pairs = pairs[np.lexsort((first, view, -score, high, low))]
    ends = np.sort(pairs[:, :2], axis=1)
    pairs = pairs[np.append(True, (np.diff(ends, axis=0) != 0).any(axis=1))[: len(pairs)]]
    # Each pair counts for both of its images.
    image, number = pairs[:, :2].T.ravel(), np.tile(np.arange(len(pairs)), 2)
    order = np.lexsort((number, -pairs[number, 3], image))
    rank = np.arange(len(order)) - np.searchsorted(image[order], image[order])
    return pairs[np.unique(number[order[rank < _PARTNERS]])]
