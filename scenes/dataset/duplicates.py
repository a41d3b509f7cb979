"""Groups of duplicate images: the same file, the same pixels, or nearly the same picture.

Near duplicates have a small Hamming distance between their perceptual hashes (pHash: which of the 64 lowest frequencies
of a 32x32 grey thumbnail are above their median). A distance of up to 4 finds pictures that were compressed again,
scaled or changed in brightness, but not rotated or cropped ones.

In an image without structure (one colour, or a gradient along one axis), some frequencies are equal except for
rounding, and the hash would be noise that differs between machines. Such an image gets no hash: it has no near
duplicates, but it can have exact ones.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

_HASH_SIDE = 8
_THUMBNAIL_SIDE = 32
# Coefficients closer than this to their median differ from it only by rounding: thumbnails hold whole numbers, and the
# coefficients of a picture are in the hundreds to ten thousands.
_ROUNDING = 1e-6
# Rows compared with all others at once: 64 x 25,000 distances and their intermediates take about 20 MB.
_BLOCK = 64


def perceptual_hash(pixels: np.ndarray) -> str:
    """Return the pHash of an image, the same one as ``imagehash.phash`` of the package ImageHash.

    Args:
        pixels: uint8 (height, width, 3).

    Returns:
        16 hex digits, or "" for an image without structure.
    """
    size = (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE)
    thumbnail = Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.LANCZOS)
    coefficients = _LOW_FREQUENCIES @ np.asarray(thumbnail, dtype=np.float64) @ _LOW_FREQUENCIES.T
    median = np.median(coefficients)
    if (np.abs(coefficients - median) < _ROUNDING).any():
        return ""
    return np.packbits(coefficients > median).tobytes().hex()


def near_pairs(hashes: np.ndarray, distance: int) -> np.ndarray:
    """Return the pairs of hashes that differ in at most ``distance`` bits.

    Args:
        hashes: uint64 of shape (n,).
        distance: bits, 0 to 64.

    Returns:
        int64 of shape (pairs, 2), sorted, with ``first < second`` in each pair. Time grows with n squared (a second
        or two for 25,000 hashes), memory with n and the number of pairs.
    """
    pairs = []
    for start in range(0, len(hashes), _BLOCK):
        rows = hashes[start : start + _BLOCK]
        bits = np.bitwise_count(rows[:, None] ^ hashes[None, start:])
        first, second = np.nonzero(bits <= distance)
        later = first < second
        pairs.append(np.stack([first[later], second[later]], axis=1) + start)
    return np.concatenate(pairs) if pairs else np.empty((0, 2), np.int64)


def groups(
    sha256: Sequence[str], pixel_sha256: Sequence[str], phash: Sequence[str], paths: Sequence[str], *, distance: int
) -> list[str]:
    """Return the name of each image's group. A chain of duplicates is one group.

    Two images are duplicates if they share ``sha256`` or ``pixel_sha256``, or if their ``phash`` differ in at most
    ``distance`` bits; '' equals nothing. The name of a group is 16 hex digits of its smallest sha256, so it depends
    neither on the order of the rows nor on the file names. (If the bytes of an image could not be read, the hash of its
    path is used.)

    Args:
        sha256, pixel_sha256, phash, paths: one value per image.
        distance: bits, 0 to 64.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(paths)
    if not count:
        return []
    edges = [_links(sha256), _links(pixel_sha256), _links(phash)]
    # Equal hashes are linked above; what remains is to compare the different ones.
    row_of_hash = {value: row for row, value in reversed(list(enumerate(phash))) if value}
    rows = np.fromiter(row_of_hash.values(), np.int64, len(row_of_hash))
    hashes = np.array([int(value, 16) for value in row_of_hash], np.uint64)
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
    """Return (row, first row with the same value) for each value that is not '': int64 of shape (links, 2)."""
    first: dict[str, int] = {}
    pairs = [(row, first.setdefault(value, row)) for row, value in enumerate(values) if value]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _cosines() -> np.ndarray:
    """Return the rows of the discrete cosine transform (type II) for the lowest frequencies: float64 (8, 32)."""
    frequency, position = np.arange(_HASH_SIDE)[:, None], np.arange(_THUMBNAIL_SIDE)[None, :]
    return 2 * np.cos(np.pi * frequency * (2 * position + 1) / (2 * _THUMBNAIL_SIDE))


_LOW_FREQUENCIES = _cosines()
