"""All hashes of 64 bits that are near other hashes, found exactly and without comparing each with each.

Two hashes that differ in at most d bits agree in at least m of any d + m bands that the bits are cut into: d different
bits spoil at most d bands. So for each choice of m bands, only hashes that agree in all of them are compared (Manku,
Jain and Sarma, "Detecting near-duplicates for web crawling", 2007).
"""

from collections.abc import Iterator
from itertools import combinations, pairwise
from math import comb

import numpy as np

_BITS = 64
# Comparisons made at once: their numbers take some 50 MB.
_BLOCK = 1_000_000
_MOST_KEY_BITS = 22


class HashIndex:
    """Different hashes, among which those near others are found.

    Args:
        hashes: uint64 of shape (n,), all different.
        distance: the largest number of different bits that counts as near, 0 to 64.
    """

    def __init__(self, hashes: np.ndarray, distance: int) -> None:
        self._hashes = hashes
        self._distance = distance

    def near(self, queries: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield every pair of a query and a hash near it, once, in blocks.

        Args:
            queries: uint64 of shape (sets, m).

        Yields:
            The number of a set of queries, and three int64 arrays of equal length: the index of the query in its set,
            the index of the hash, and the number of bits in which the two differ.
        """
        agreeing = min(range(4), key=lambda count: _cost(len(self._hashes), queries.size, self._distance, count))
        edges = np.linspace(0, _BITS, self._distance + agreeing + 1).astype(int).tolist()
        choices = list(combinations(pairwise(edges), agreeing))
        for turn, bands in enumerate(choices):
            keys = _key(self._hashes, bands)
            order = np.argsort(keys, kind="stable")
            bits = sum(end - start for start, end in bands)
            hashes = self._hashes[order]  # those of a bucket side by side in memory
            starts = np.searchsorted(keys[order], np.arange((1 << bits) + 1, dtype=np.uint64))
            for number, queried in enumerate(queries):
                queried = np.ascontiguousarray(queried)
                key = _key(queried, bands).astype(np.int64)
                for rows, places in expand(starts[key], starts[key + 1]):
                    different = queried[rows] ^ hashes[places]
                    count = np.bitwise_count(different)
                    new = np.flatnonzero(count <= self._distance)
                    # A pair that agrees in several choices of bands belongs to the first of them.
                    for earlier in choices[:turn]:
                        new = new[_key(different[new], earlier) != 0]
                    yield number, rows[new], order[places[new]], count[new].astype(np.int64)


def expand(starts: np.ndarray, ends: np.ndarray, block: int = _BLOCK) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (row, value) for every value from ``starts[row]`` to ``ends[row] - 1``, a bounded number at a time.

    Args:
        starts, ends: int64 of shape (rows,).

    Yields:
        Two int64 arrays of equal length.
    """
    offsets = np.concatenate([[0], np.cumsum(ends - starts)])
    shifts = starts - offsets[:-1]
    for first in range(0, int(offsets[-1]), block):
        last = min(first + block, int(offsets[-1]))
        low, high = np.searchsorted(offsets, [first, last - 1], side="right")
        values = np.diff(np.clip(offsets[low - 1 : high + 1], first, last))
        rows = np.repeat(np.arange(low - 1, high), values)
        yield rows, np.arange(first, last) + shifts[rows]


def _key(values: np.ndarray, bands: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Return the bits of the bands, put together: uint64, one per value."""
    key = np.zeros(len(values), np.uint64)
    for start, end in bands:
        width = np.uint64(end - start)
        key = key << width | values >> np.uint64(start) & ((np.uint64(1) << width) - np.uint64(1))
    return key


def _cost(count: int, queries: int, distance: int, agreeing: int) -> float:
    """Return about how many nanoseconds a search takes; the factors are measured, on hashes of photographs.

    Args:
        count: of the hashes.
        queries: of all sets.
        distance: see :class:`HashIndex`.
        agreeing: bands in which two hashes must agree to be compared.
    """
    bits = agreeing * _BITS // max(distance + agreeing, 1)
    if bits > _MOST_KEY_BITS:
        return float("inf")
    buckets = 2.0**bits
    return comb(distance + agreeing, agreeing) * (20 * buckets + 100 * count + queries * (60 + 40 * count / buckets))
