"""Near duplicates: candidates by hash, each confirmed by comparing the two pictures themselves."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scenes.archive.packed import Packed, unpack
from scenes.common.tables import read_csv, write_csv
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
_NUMBERS = ("view", "under_two_labels", "scenes", "same")  # columns of the table of pairs
# Copies have no window that agrees less, seen from afar.
_LEAST = 0.3


class Image(NamedTuple):
    """An image that may have near duplicates.

    Attributes:
        path: in the archive.
        pixels: the hash of its pixels.
        labels: of all images with these pixels; empty if none of them has a label.
        fingerprint: of its pixels.
    """

    path: str
    pixels: str
    labels: frozenset[str]
    fingerprint: Fingerprint


class Pair(NamedTuple):
    """Two images that were compared, and what decides beside them whether they are one picture.

    Attributes:
        first, second: hashes of their pixels.
        view: that of the first image by which the pair was found, an index of ``VIEWS``.
        under_two_labels: whether no label is that of both.
        scenes: whether shots of one scene count.
    """

    first: str
    second: str
    view: int
    under_two_labels: bool
    scenes: bool


def find(
    archive: Archive,
    images: Sequence[Image],
    *,
    distance: int,
    max_pixels: int,
    known: Mapping[Pair, bool] = {},
    run: executor.Run = executor.run,
    processes: int | None = None,
) -> dict[Pair, bool]:
    """Return the pairs of images that may be one picture, and whether they are: near duplicates.

    Under one label, or without one, copies of a picture are near duplicates, and so are shots of one scene a moment
    apart if the images of the archive do not all resemble each other. Under two labels, only pictures that agree as
    they are, neither mirrored nor cropped: the direction, the place or a small part may be what the labels are about,
    and a copy under another label raises no score.

    Args:
        archive: an open archive.
        images: all different in their pixels, in the order of ``pixels`` (so that names do not matter).
        distance: of the hashes of candidates, in bits.
        max_pixels: see ``scenes.images.decode.decode``.
        known: pairs that are not compared again.
        run, processes: see :func:`scenes.audit.audit.audit`.

    Raises:
        InputError: a process was killed.
    """
    if len(images) < 2:
        return {}
    thumbnails = np.stack([image.fingerprint.thumbnail for image in images])
    found = candidates.find(np.stack([image.fingerprint.hashes for image in images]), thumbnails, distance)
    scenes = not candidates.share_a_layout(thumbnails)
    pairs = {}
    for first, second, view in _neighbours_together(found):
        one, other = images[first], images[second]
        different = bool(one.labels and other.labels and one.labels.isdisjoint(other.labels))
        pairs[Pair(one.pixels, other.pixels, view, different, scenes)] = first, second
    new = [pair for pair in pairs if pair not in known]
    shards = []
    for start in range(0, len(new), _SHARD):
        part = {pair: pairs[pair] for pair in new[start : start + _SHARD]}
        shards.append(_shard(f"{start // _SHARD + 1}", archive, images, part, max_pixels))
    job = Job("near duplicates", _confirm, processes=processes if len(new) > _FEW else 1, advice=ADVICE, unit=" pairs")
    compared = dict(zip(new, map(bool, b"".join(run(job, shards))), strict=True))
    return {pair: known[pair] if pair in known else compared[pair] for pair in pairs}


def write(path: Path, compared: Mapping[Pair, bool]) -> None:
    """Write what :func:`find` returns as a table, sorted. A file that is there is replaced, not changed."""
    import pandas as pd

    rows = [(*pair, same) for pair, same in sorted(compared.items())]
    path.unlink(missing_ok=True)
    write_csv(path, pd.DataFrame(rows, columns=[*Pair._fields, "same"]).astype(dict.fromkeys(_NUMBERS, int)))


def read(path: Path) -> dict[Pair, bool]:
    """Return what :func:`write` has written; nothing if the file is missing."""
    if not path.exists():
        return {}
    table = read_csv(path, integers=_NUMBERS)
    rows = zip(*(table[name].tolist() for name in (*Pair._fields, "same")), strict=True)
    return {
        Pair(first, second, view, bool(two), bool(scenes)): bool(same)
        for first, second, view, two, scenes, same in rows
    }


class _Spec(NamedTuple):
    """What a shard is to do with its images."""

    pairs: tuple[tuple[int, int, Pair], ...]  # the numbers of the two among the images of the shard
    packed: tuple[Packed, ...]
    max_pixels: int


def _shard(
    name: str, archive: Archive, images: Sequence[Image], pairs: Mapping[Pair, tuple[int, int]], max_pixels: int
) -> Shard:
    numbers = {
        image: number for number, image in enumerate(sorted({image for pair in pairs.values() for image in pair}))
    }
    ranges, packed = zip(*(archive.locate(images[image].path) for image in numbers), strict=True)
    tasks = tuple((numbers[first], numbers[second], pair) for pair, (first, second) in pairs.items())
    of_images = first_and_last([images[image].path for image in numbers])
    return Shard(name, ranges, _Spec(tasks, packed, max_pixels), len(pairs), of_images)


def _confirm(_: None, shard: Shard, parts: Sequence[bytes]) -> bytes:
    """Return for each pair whether it is one picture, a byte each: 0 or 1."""
    spec: _Spec = shard.spec
    pictures = [
        Picture.from_pixels(decode.decode(unpack(part, packed), max_pixels=spec.max_pixels).pixels)
        for part, packed in zip(parts, spec.packed, strict=True)
    ]
    return bytes(_is_same(pictures[first], pictures[second], pair) for first, second, pair in spec.pairs)


def _is_same(first: Picture, second: Picture, pair: Pair) -> bool:
    if pair.under_two_labels:
        result = compare(first, second, least=_LEAST)
        return result is not None and result.same_view
    results = _comparisons(first, second, pair.view, thorough=pair.scenes)
    return any(result.same_scene if pair.scenes else result.same_picture for result in results)


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
