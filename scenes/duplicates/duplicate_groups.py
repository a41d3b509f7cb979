"""Groups of duplicate images: the same file, the same pixels, or nearly the same picture."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np


def groups(
    sha256: Sequence[str], pixel_sha256: Sequence[str], paths: Sequence[str], near: Iterable[tuple[str, str]]
) -> list[str]:
    """Return the name of each image's group. A chain of duplicates is one group.

    Two images are duplicates if they share ``sha256`` or ``pixel_sha256``, where '' equals nothing, or if they are one
    of the pairs in ``near``. The name of a group is 16 hex digits of its smallest sha256, so it depends neither on the
    order of the rows nor on the file names. (If the bytes of an image could not be read, the hash of its path is used.)

    Args:
        sha256, pixel_sha256, paths: one value per image; paths are unique.
        near: pairs of paths.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(paths)
    if not count:
        return []
    row = {path: number for number, path in enumerate(paths)}
    pairs = [(row[first], row[second]) for first, second in near]
    edges = [_links(sha256), _links(pixel_sha256), np.array(pairs, np.int64).reshape(-1, 2)]
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
