"""Pairs of classes whose images are mirror images of each other, as of b and d, or of arrows to the left and right.

Flipping the training images of such classes at random teaches that the two are one.
"""

from collections.abc import Sequence

import numpy as np

_LEAST = 20  # images of a class; with fewer, nothing is said of it
_PER_CLASS = 60
_IN_ALL = 6000  # images: the comparison of all with all takes about two seconds
# Most of the mirror images of each class resemble the other class, while the images themselves resemble their own. Of
# two classes without any likeness, half would do so by chance.
_MIRRORED_IN_OTHER = 0.7
_OWN = 0.7


def find(thumbnails: np.ndarray, labels: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of classes that look like mirror images of each other, sorted.

    A sample is compared: at most 60 images a class, fewer where there are more than 100 classes, and at most 750
    classes.

    Args:
        thumbnails: uint8 (images, side, side), in an order that says nothing about the images; the first of each class
            are the sample.
        labels: of the images.
    """
    classes, number = np.unique(np.asarray(labels, dtype=np.str_), return_inverse=True)
    order = np.argsort(number, kind="stable")
    rank = np.arange(len(order)) - np.searchsorted(number[order], number[order])
    large = np.flatnonzero(np.bincount(number, minlength=len(classes)) >= _LEAST)[: _IN_ALL // _LEAST]
    if len(large) < 2:
        return []
    each = min(_PER_CLASS, _IN_ALL // len(large))
    sample = order[(rank < each) & np.isin(number[order], large)]
    of_class = number[sample]
    centred = _centred(thumbnails[sample])
    plain, flipped = _normalised(centred), _normalised(centred[..., ::-1])
    own, mirrored = (_shares(queries, plain, of_class, len(classes)) for queries in (plain, flipped))
    pairs = []
    for first, second in zip(*np.nonzero(np.triu(mirrored, 1) >= _MIRRORED_IN_OTHER), strict=True):
        swapped = mirrored[second, first] >= _MIRRORED_IN_OTHER
        if swapped and min(own[first, first], own[second, second]) >= _OWN:
            pairs.append((str(classes[first]), str(classes[second])))
    return pairs


def _centred(thumbnails: np.ndarray) -> np.ndarray:
    """Move what differs from the border to the middle, so that its shape counts and its place does not.

    Returns:
        float32 (images, side, side), 0 where a thumbnail is as bright as the median of its border.
    """
    side = thumbnails.shape[1]
    border = np.ones((side, side), bool)
    border[1:-1, 1:-1] = False
    content = thumbnails - np.median(thumbnails[:, border], axis=1).astype(np.float32)[:, None, None]
    weight = np.abs(content) + 1e-6  # a blank thumbnail is its own middle
    place = np.arange(side) - (side - 1) / 2
    total = weight.sum(axis=(1, 2))
    down, across = (weight.sum(axis=axis) @ place / total for axis in (2, 1))
    return _moves(down, place) @ content @ _moves(across, place).transpose(0, 2, 1)


def _moves(by: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return what moves lines of pixels back by so many pixels, interpolated: float32 (lines, side, side)."""
    wanted = place[:, None] + by[:, None, None]
    return np.maximum(1 - np.abs(wanted - place), 0).astype(np.float32)


def _normalised(thumbnails: np.ndarray) -> np.ndarray:
    """Return the thumbnails as float32 vectors of mean 0 and length 1."""
    flat = thumbnails.reshape(len(thumbnails), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _shares(queries: np.ndarray, images: np.ndarray, of_class: np.ndarray, classes: int) -> np.ndarray:
    """Return the share of each class's queries whose most similar image is of each class: float64 (classes, classes).

    Query and image of the same number are not compared: they are one picture, or its mirror image.
    """
    similarity = queries @ images.T
    np.fill_diagonal(similarity, -np.inf)
    counts = np.zeros((classes, classes))
    np.add.at(counts, (of_class, of_class[similarity.argmax(axis=1)]), 1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
