"""Near duplicates: candidates by hash, each confirmed by comparing the two pictures themselves."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scenes.archive.packed import Packed, unpack
from scenes.duplicates import near_duplicate_candidates as candidates
from scenes.duplicates.near_duplicate_candidates import VIEWS
from scenes.duplicates.perceptual_hash import WHOLE, Fingerprint
from scenes.duplicates.same_picture import Comparison, Picture, compare
from scenes.executors import executor
from scenes.executors.shards import Job, Shard, first_and_last
from scenes.images import decode
from scenes.layout.layout import Archive

ADVICE = "lower archive.max_pixels or free some memory"  # if a process is killed
# Pairs of a shard.
_SHARD = 256
# Below, starting processes takes longer than the work.
_FEW = 1024
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
    archive: Archive,
    images: Sequence[Image],
    *,
    distance: int,
    max_pixels: int,
    run: executor.Run = executor.run,
    processes: int | None = None,
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
        run, processes: see :func:`scenes.audit.audit.audit`.

    Raises:
        InputError: a process was killed.
    """
    if len(images) < 2:
        return []
    thumbnails = np.stack([image.fingerprint.thumbnail for image in images])
    found = candidates.find(np.stack([image.fingerprint.hashes for image in images]), thumbnails, distance)
    pairs = _neighbours_together(found)
    scenes = not candidates.share_a_layout(thumbnails)
    shards = [
        _shard(
            f"{start // _SHARD + 1}",
            archive,
            images,
            pairs[start : start + _SHARD],
            max_pixels=max_pixels,
            scenes=scenes,
        )
        for start in range(0, len(pairs), _SHARD)
    ]
    job = Job(
        "near duplicates", _confirm, processes=processes if len(pairs) > _FEW else 1, advice=ADVICE, unit=" pairs"
    )
    same = b"".join(run(job, shards))
    return [
        (images[first].path, images[second].path) for (first, second, _), one in zip(pairs, same, strict=True) if one
    ]


class _Pair(NamedTuple):
    """Two images by their number among those of a shard, see ``_comparisons`` for the view."""

    first: int
    second: int
    view: int
    under_two_labels: bool


class _Spec(NamedTuple):
    """What a shard is to do with its images."""

    pairs: list[_Pair]
    packed: tuple[Packed, ...]
    max_pixels: int
    scenes: bool  # whether shots of one scene count


def _shard(
    name: str,
    archive: Archive,
    images: Sequence[Image],
    pairs: Sequence[tuple[int, int, int]],
    *,
    max_pixels: int,
    scenes: bool,
) -> Shard:
    numbers = {image: number for number, image in enumerate(sorted({image for pair in pairs for image in pair[:2]}))}
    ranges, packed = zip(*(archive.locate(images[image].path) for image in numbers), strict=True)
    tasks = []
    for first, second, view in pairs:
        labels, others = images[first].labels, images[second].labels
        different = bool(labels and others and labels.isdisjoint(others))
        tasks.append(_Pair(numbers[first], numbers[second], view, different))
    of_images = first_and_last([images[image].path for image in numbers])
    return Shard(name, ranges, _Spec(tasks, packed, max_pixels, scenes), len(pairs), of_images)


def _confirm(_: None, shard: Shard, parts: Sequence[bytes]) -> bytes:
    """Return for each pair whether it is one picture, a byte each: 0 or 1."""
    spec: _Spec = shard.spec
    pictures = [
        Picture.from_pixels(decode.decode(unpack(part, packed), max_pixels=spec.max_pixels).pixels)
        for part, packed in zip(parts, spec.packed, strict=True)
    ]
    return bytes(_is_same(pictures[pair.first], pictures[pair.second], pair, spec.scenes) for pair in spec.pairs)


def _is_same(first: Picture, second: Picture, pair: _Pair, scenes: bool) -> bool:
    if pair.under_two_labels:
        result = compare(first, second, least=_LEAST)
        return result is not None and result.same_view
    results = _comparisons(first, second, pair.view, thorough=scenes)
    return any(result.same_scene if scenes else result.same_picture for result in results)


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
