"""The synthetic archive: drawn scenes in the layout of the Kaggle archive, with faults and their ground truth."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

import numpy as np

from scenes.common.errors import InputError
from scenes.common.files import atomic_write
from scenes.executors.executor import run
from scenes.executors.shards import Job, Shard
from scenes.synthetic.canvas import pick, resize
from scenes.synthetic.faults import SPLITS, Place, encode, extras, near_copy, plan, shape, shuffled_number
from scenes.synthetic.ground_truth import COLUMNS, MEMBER
from scenes.synthetic.scenes import CLASSES, classes_shown, render_scene

# For each class, the class that it is most often confused with.
CONFUSED = {
    "buildings": "street",
    "forest": "mountain",
    "glacier": "mountain",
    "mountain": "glacier",
    "sea": "glacier",
    "street": "buildings",
}
SIZES = 32, 512  # smaller images are unrecognisable, larger ones show no more detail
_SHARD = 64  # images that a process draws at a time


def draw_image(place: Place, seed: int, size: int) -> tuple[bytes, list[str]]:
    """Draw an image with its fault; return the bytes of the file and the classes that it shows."""
    origin = place.source or place
    split, folder, index = origin.key
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, split, CLASSES.index(folder), index])))
    pixels, layers = render_scene(origin.subject, rng)
    height, width = shape(place, size, seed)
    crop = tuple(slice(len(pixels) * length // max(height, width)) for length in (height, width))
    pixels, layers = resize(pixels[crop], height, width), layers[crop]
    grain = pick(rng, 0, 9)
    pixels = np.clip(pixels + rng.integers(-grain, grain + 1, pixels.shape, np.int16), 0, 255).astype(np.uint8)
    quality, subsampling = pick(rng, 60, 95), pick(rng, 0, 1) * 2
    if place.change:
        pixels, quality = near_copy(pixels, place, quality)
    return encode(pixels, place, quality, subsampling), classes_shown(layers)


def _draw(state: None, shard: Shard, inputs: Sequence[bytes]) -> list[tuple[bytes, list[str]]]:
    places, seed, size = shard.spec
    return [draw_image(place, seed, size) for place in places]


def member_path(place: Place, seed: int) -> str:
    """Return the path of an image in the archive. The number in it says nothing about the class."""
    split, folder, index = place.key
    number = shuffled_number(seed, (index * len(SPLITS) + split) * len(CLASSES) + CLASSES.index(folder))
    top = f"seg_{place.split}/seg_{place.split}"
    return f"{top}/{folder}/{number}{place.suffix}" if place.label else f"{top}/{number}{place.suffix}"


def zip_entry(name: str) -> zipfile.ZipInfo:
    """Return a zip entry with a fixed date and system; stored, because versions of zlib give different bytes."""
    info = zipfile.ZipInfo(name, (2019, 1, 30, 0, 0, 0))
    info.create_system, info.external_attr, info.compress_type = 3, 0o644 << 16, zipfile.ZIP_STORED
    return info


def draw_archive(
    path: str | Path, *, seed: int, train: int, test: int, pred: int, size: int, faults: Mapping[str, float]
) -> None:
    """Write a zip of drawn scenes in the layout of the Kaggle archive, with their ground truth.

    The images are ``seg_train/seg_train/<class>/<number>.jpg``, the same for ``seg_test``, and
    ``seg_pred/seg_pred/<number>.jpg``. The member ``ground_truth.csv`` has a row for every other member:

    - ``path``
    - ``ground_truth``: the class drawn
    - ``label``: the class of the folder, empty in pred
    - ``classes``: the classes that the image shows, separated by spaces
    - ``fault``: empty or one of ``scenes.synthetic.faults.WORDS``
    - ``duplicate_of``: the path of the original, or empty
    - ``change``: of a near duplicate, one of ``scenes.synthetic.faults.CHANGES``, or empty

    A member that is not an image has only a path and a fault.

    Args:
        path: of the zip, which is written as a whole or not at all.
        seed: 0 or more. An image depends on (seed, split, class, index), not on the counts.
        train, test, pred: numbers of images, including faulty ones; the classes differ by one image at most.
        size: pixels a side, unless the size is the fault.
        faults: a share for each key of ``scenes.synthetic.faults.RATED``, and the switch ``broken``.

    Raises:
        InputError: the seed, a count, the size or a rate is impossible.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"synthetic: size is {size}; give a number of pixels from {SIZES[0]} to {SIZES[1]}")
    if seed < 0:
        raise InputError(f"synthetic: seed is {seed}; give 0 or a larger number")
    places = plan(seed, {"train": train, "test": test, "pred": pred}, CONFUSED, faults)
    members: list[tuple[str, Place | tuple[bytes, str]]] = [(member_path(place, seed), place) for place in places]
    if faults["broken"]:
        members += extras("seg_train/seg_train")
    members.sort(key=lambda member: member[0])
    placed = [member for _, member in members if isinstance(member, Place)]
    parts = [tuple(placed[first : first + _SHARD]) for first in range(0, len(placed), _SHARD)]
    shards = [Shard(f"part {number}", (), (part, seed, size), len(part)) for number, part in enumerate(parts)]

    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(COLUMNS)
    with (
        closing(run(Job("drawing scenes", _draw), shards)) as results,
        atomic_write(path) as temporary,
        zipfile.ZipFile(temporary, "w") as archive,
    ):
        images = chain.from_iterable(results)
        for name, member in members:
            if isinstance(member, Place):
                data, classes = next(images)
                source = member_path(member.source, seed) if member.source else ""
                shown = " ".join(classes)
                rows.writerow([name, member.subject, member.label, shown, member.fault, source, member.change])
            else:
                data, fault = member
                rows.writerow([name, "", "", "", fault, "", ""])
            archive.writestr(zip_entry(name), data)
        archive.writestr(zip_entry(MEMBER), table.getvalue())
