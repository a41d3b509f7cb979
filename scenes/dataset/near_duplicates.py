"""Near duplicates: candidates by hash, each confirmed by comparing the two pictures themselves."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scenes.archive.layout import Archive
from scenes.dataset import near_duplicate_candidates as candidates
from scenes.dataset.archive_workers import map_chunks
from scenes.dataset.near_duplicate_candidates import VIEWS
from scenes.dataset.perceptual_hash import WHOLE, Fingerprint
from scenes.dataset.same_picture import Comparison, Picture, compare
from scenes.images import decode

# Pairs that a process takes at a time.
_CHUNK = 256
# Below, starting processes takes longer than the work.
_FEW = 1024
# Pictures that a process remembers, in 70 MB.
_REMEMBERED = 4096
# Copies have no window that agrees less, seen from afar.
_LEAST = 0.3


class Image(NamedTuple):
    """An image that may have near duplicates.

    Attributes:
        path: in the archive.
        labels: of all images with these pixels; empty if none of them has a label.
        fingerprint: of its pixels.
    """

    path: str
    labels: frozenset[str]
    fingerprint: Fingerprint


def find(
    archive: Archive, images: Sequence[Image], *, distance: int, max_pixels: int, workers: int
) -> list[tuple[str, str]]:
    """Return the pairs of paths whose images are one picture.

    Under one label, or without one, copies of a picture are near duplicates, and so are shots of one scene a moment
    apart if the images of the archive do not all resemble each other. Under two labels, only pictures that agree as
    they are, neither mirrored nor cropped: the direction, the place or a small part may be what the labels are about,
    and a copy under another label raises no score.

    Args:
        archive: an open archive.
        images: all different in their pixels, in an order by content (so that names do not matter).
        distance: of the hashes of candidates, in bits.
        max_pixels: see ``scenes.images.decode.decode``.
        workers: processes; the result does not depend on it.

    Raises:
        InputError: a process was killed.
    """
    from tqdm import tqdm

    if len(images) < 2:
        return []
    thumbnails = np.stack([image.fingerprint.thumbnail for image in images])
    pairs = candidates.find(np.stack([image.fingerprint.hashes for image in images]), thumbnails, distance)
    tasks = [_Task(images[first], images[second], view) for first, second, view in _neighbours_together(pairs)]
    chunks = [tasks[start : start + _CHUNK] for start in range(0, len(tasks), _CHUNK)]
    confirm = _Confirmer(max_pixels, scenes=not candidates.share_a_layout(thumbnails))
    found = []
    with tqdm(total=len(tasks), desc="near duplicates", unit=" pairs", disable=None) as progress:
        answers = map_chunks(confirm, archive, chunks, workers if len(tasks) > _FEW else 1)
        for chunk, same in zip(chunks, answers, strict=True):
            found += [(task.first.path, task.second.path) for task, one in zip(chunk, same, strict=True) if one]
            progress.update(len(chunk))
    return found


class _Task(NamedTuple):
    first: Image
    second: Image
    view: int


class _Confirmer:
    """Reads the images of pairs and compares them; remembers the latest.

    Args:
        max_pixels: see ``scenes.images.decode.decode``.
        scenes: whether shots of one scene count.
    """

    def __init__(self, max_pixels: int, *, scenes: bool) -> None:
        self._max_pixels, self._scenes = max_pixels, scenes
        self._pictures: dict[str, Picture] = {}

    def __call__(self, archive: Archive, tasks: Sequence[_Task]) -> list[bool]:
        """Return whether each pair is one picture."""
        return [self._same(archive, task) for task in tasks]

    def _same(self, archive: Archive, task: _Task) -> bool:
        first, second = (self._picture(archive, image.path) for image in (task.first, task.second))
        labels, others = task.first.labels, task.second.labels
        if labels and others and labels.isdisjoint(others):
            result = compare(first, second, least=_LEAST)
            return result is not None and result.same_view
        results = _comparisons(first, second, task.view, thorough=self._scenes)
        return any(result.same_scene if self._scenes else result.same_picture for result in results)

    def _picture(self, archive: Archive, path: str) -> Picture:
        picture = self._pictures.pop(path, None)
        if picture is None:
            picture = Picture.from_pixels(decode.decode(archive.read(path), max_pixels=self._max_pixels).pixels)
            if len(self._pictures) >= _REMEMBERED:
                del self._pictures[next(iter(self._pictures))]
        self._pictures[path] = picture
        return picture


def _comparisons(first: Picture, second: Picture, view: int, *, thorough: bool) -> Iterator[Comparison]:
    """Yield the comparisons of two pictures that may agree, the likeliest first.

    Args:
        view: that of the first picture, by which it was found.
        thorough: try more, because what differs may have misled the search for the crop.
    """
    box, mirrored = VIEWS[view]
    other = second.mirrored() if mirrored else second
    tries = [(first, other, box)]
    if box == WHOLE or thorough:
        # Either may show a little more than the other.
        tries += [(other, first, WHOLE)] if box == WHOLE else [(first, other, WHOLE), (other, first, WHOLE)]
    for large, small, start in tries:
        if result := compare(large, small, start, least=-1.0 if thorough else _LEAST):
            yield result


def _neighbours_together(pairs: candidates.Pairs) -> list[tuple[int, int, int]]:
    """Return (first, second, view) of the pairs, in an order in which those of an image are close to each other."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    if not len(pairs.first):
        return []
    count = int(max(pairs.first.max(), pairs.second.max())) + 1
    ends = np.concatenate([pairs.first, pairs.second]), np.concatenate([pairs.second, pairs.first])
    graph = coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(count, count)).tocsr()
    place = np.empty(count, np.int64)
    place[reverse_cuthill_mckee(graph, symmetric_mode=True)] = np.arange(count)
    order = np.lexsort((place[pairs.second], place[pairs.first]))
    return list(zip(*(column[order].tolist() for column in pairs), strict=True))
