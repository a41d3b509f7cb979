"""Which images are the same picture: the same file, the same pixels, or nearly the same to the eye.

Near means a small Hamming distance between perceptual hashes (pHash: which of the 64 lowest frequencies of a
32x32 grey thumbnail lie above their median). Up to a distance of 4 that finds pictures that were packed again,
scaled, or changed in brightness; turned or cropped ones it does not find.

A picture without structure (one colour, or a gradient along one axis) has frequencies that are zero but for
rounding, and so a hash of noise that differs between machines. It gets no hash: it is nobody's near duplicate, and
still an exact one of the same file and the same pixels.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

_HASH_SIDE = 8
_THUMBNAIL_SIDE = 32
# Coefficients closer than this to their median are equal to it but for rounding: thumbnails hold whole numbers, and
# the coefficients of a picture are hundreds to ten thousands.
_ROUNDING = 1e-6
# Rows compared with all others at once: 64 x 25,000 distances and their intermediates are some 20 MB.
_BLOCK = 64


def perceptual_hash(pixels: np.ndarray) -> str:
    """Return the pHash of uint8 pixels (height, width, 3) as 16 hex digits, or "" for a picture without structure."""
    import imagehash

    side = _THUMBNAIL_SIDE
    thumbnail = Image.fromarray(pixels).convert("L").resize((side, side), Image.Resampling.LANCZOS)
    coefficients = _LOW_FREQUENCIES @ np.asarray(thumbnail, dtype=np.float64) @ _LOW_FREQUENCIES.T
    if (np.abs(coefficients - np.median(coefficients)) < _ROUNDING).any():
        return ""
    # imagehash makes the same thumbnail first; of one that has the size already it makes a copy.
    return str(imagehash.phash(thumbnail, hash_size=_HASH_SIDE, highfreq_factor=side // _HASH_SIDE))


def near_pairs(hashes: np.ndarray, distance: int) -> np.ndarray:
    """Return the pairs of hashes that differ in at most ``distance`` bits.

    Args:
        hashes: uint64 of shape (n,).
        distance: bits, 0 to 64.

    Returns:
        int64 of shape (pairs, 2), ``first < second`` in each, ordered. Time grows with n squared: a second or two
        for 25,000; memory with n and the number of pairs.
    """
    found = []
    for start in range(0, len(hashes), _BLOCK):
        rows = hashes[start : start + _BLOCK]
        bits = np.bitwise_count(rows[:, None] ^ hashes[None, start:])
        first, second = np.nonzero(bits <= distance)
        later = first < second
        found.append(np.stack([first[later], second[later]], axis=1) + start)
    return np.concatenate(found) if found else np.empty((0, 2), np.int64)


def groups(
    sha256: Sequence[str], pixel_sha256: Sequence[str], phash: Sequence[str], paths: Sequence[str], *, distance: int
) -> list[str]:
    """Return the name of each image's group: the images that a chain of duplicates joins.

    Two images are joined if they share ``sha256`` or ``pixel_sha256``, or if their ``phash`` differ in at most
    ``distance`` bits; '' joins nothing. A group is named by 16 hex digits of its smallest sha256 (of its smallest
    path's hash, where no bytes were read), so that the name depends neither on the order of the rows nor on what
    the files are called.

    Args:
        sha256, pixel_sha256, phash, paths: one each per image.
        distance: bits.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(paths)
    if not count:
        return []
    edges = [_links(sha256), _links(pixel_sha256), _links(phash)]
    # Equal hashes are linked above; only different ones remain to be compared, each once.
    position = {value: row for row, value in reversed(list(enumerate(phash))) if value}
    rows = np.fromiter(position.values(), np.int64, len(position))
    hashes = np.array([int(value, 16) for value in position], np.uint64)
    edges.append(rows[near_pairs(hashes, distance)])
    first, second = np.concatenate(edges).T
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    names: dict[int, str] = {}
    for number, content, path in zip(component.tolist(), sha256, paths, strict=True):
        name = content or hashlib.sha256(path.encode("utf-8")).hexdigest()
        names[number] = min(names.get(number, name), name)
    return [names[number][:16] for number in component.tolist()]


def _links(values: Sequence[str]) -> np.ndarray:
    """Return (row, first row of the same value), int64 of shape (links, 2), for each value that is not ''."""
    first: dict[str, int] = {}
    pairs = [(row, first.setdefault(value, row)) for row, value in enumerate(values) if value]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _cosines() -> np.ndarray:
    """Return the rows of the discrete cosine transform (type II) for the lowest frequencies: float64 (8, 32)."""
    frequency, place = np.arange(_HASH_SIDE)[:, None], np.arange(_THUMBNAIL_SIDE)[None, :]
    return 2 * np.cos(np.pi * frequency * (2 * place + 1) / (2 * _THUMBNAIL_SIDE))


_LOW_FREQUENCIES = _cosines()
