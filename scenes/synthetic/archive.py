"""The synthetic archive: drawn scenes in the Kaggle archive's layout, with faults, and the truth about both."""

import csv
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scenes.common.errors import InputError
from scenes.common.files import atomic_write
from scenes.synthetic import faults as synthetic_faults
from scenes.synthetic import scenes
from scenes.synthetic.faults import Place
from scenes.synthetic.scenes import CLASSES, pick

# For each class the one it is most often confused with.
CONFUSED = {
    "buildings": "street",
    "forest": "mountain",
    "glacier": "mountain",
    "mountain": "glacier",
    "sea": "glacier",
    "street": "buildings",
}
SIZES = 32, 512  # below, nothing can be made out; above, nothing is added
COLUMNS = "path", "ground_truth", "label", "classes", "fault", "duplicate_of"


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Average areas, in integers, to a larger or smaller picture: (h, w, 3) uint8 to (height, width, 3) uint8."""
    for count in (height, width):
        sums = np.concatenate([np.zeros_like(pixels[:1], np.int32), np.cumsum(pixels, 0, np.int32)])
        at = np.arange(count + 1) * (len(pixels) << 8) // count
        below = np.minimum(at >> 8, len(pixels) - 1)
        part = (at - (below << 8))[:, None, None]
        edges = sums[below] * (256 - part) + sums[below + 1] * part
        pixels = (np.diff(edges, axis=0) // np.diff(at)[:, None, None]).swapaxes(0, 1)
    return pixels.astype(np.uint8)


def picture(place: Place, seed: int, size: int) -> tuple[bytes, list[str]]:
    """Draw, cut, grain and encode what stands at a place: the file's bytes, and the classes it shows."""
    origin = place.source or place
    split, folder, index = origin.key
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, split, CLASSES.index(folder), index])))
    pixels, layers = scenes.render_scene(origin.subject, rng)
    height, width = synthetic_faults.shape(place, size, seed)
    cut = tuple(slice(len(pixels) * length // max(height, width)) for length in (height, width))
    pixels, layers = resize(pixels[cut], height, width), layers[cut]
    grain = pick(rng, 0, 9)
    pixels = np.clip(pixels + rng.integers(-grain, grain + 1, pixels.shape, np.int16), 0, 255).astype(np.uint8)
    quality, subsampling = pick(rng, 60, 95), pick(rng, 0, 1) * 2
    return synthetic_faults.encode(pixels, place, quality, subsampling), scenes.classes_shown(layers)


def path_of(place: Place, seed: int) -> str:
    """Where the image stands in the archive. Its number says nothing about its class."""
    split, folder, index = place.key
    number = synthetic_faults.number(
        seed, (index * len(synthetic_faults.SPLITS) + split) * len(CLASSES) + CLASSES.index(folder)
    )
    top = f"seg_{place.split}/seg_{place.split}"
    return f"{top}/{folder}/{number}{place.suffix}" if place.label else f"{top}/{number}{place.suffix}"


def entry(name: str) -> zipfile.ZipInfo:
    """A zip entry without a date or a system of its own; stored, as JPEGs do not shrink and zlibs differ."""
    info = zipfile.ZipInfo(name, (2019, 1, 30, 0, 0, 0))
    info.create_system, info.external_attr, info.compress_type = 3, 0o644 << 16, zipfile.ZIP_STORED
    return info


def draw_archive(
    path: str | Path, *, seed: int, train: int, test: int, pred: int, size: int, faults: Mapping[str, float]
) -> None:
    """Write a zip of drawn scenes in the Kaggle archive's layout, and the truth about them.

    The images are ``seg_train/seg_train/<class>/<number>.jpg``, the same for ``seg_test``, and
    ``seg_pred/seg_pred/<number>.jpg``. At the top, ``ground_truth.csv`` has a row for each other member:
    ``path``; ``ground_truth``, the class drawn; ``label``, the folder's class, empty in pred; ``presence``, the classes
    the picture shows, with a space between; ``fault``, empty or one of ``scenes.synthetic.faults.WORDS``; ``duplicate_of``,
    a path or empty. What is no image has its path and fault alone.

    Args:
        path: of the zip; replaced as a whole or not at all.
        seed: 0 or more. Each image hangs on (seed, split, class, index) and not on the counts.
        train, test, pred: numbers of images, faulty ones included; labels are balanced to within one.
        size: pixels a side, except where the size is the fault.
        faults: a share for each key of ``scenes.synthetic.faults.RATED``, and the switch ``broken``.

    Raises:
        InputError: a seed, count, size or rate that cannot be had.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"synthetic: size is {size}; give a number of pixels from {SIZES[0]} to {SIZES[1]}")
    if seed < 0:
        raise InputError(f"synthetic: seed is {seed}; give 0 or a larger number")
    places = synthetic_faults.plan(seed, {"train": train, "test": test, "pred": pred}, CONFUSED, faults)
    members: list[tuple[str, Place | tuple[bytes, str]]] = [(path_of(place, seed), place) for place in places]
    if faults["broken"]:
        members += synthetic_faults.extras("seg_train/seg_train")
    members.sort(key=lambda member: member[0])

    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(COLUMNS)
    with atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, what in tqdm(members, desc="drawing scenes", unit="image", disable=None):
            if isinstance(what, Place):
                data, shown = picture(what, seed, size)
                source = path_of(what.source, seed) if what.source else ""
                rows.writerow([name, what.subject, what.label, " ".join(shown), what.fault, source])
            else:
                data, fault = what
                rows.writerow([name, "", "", "", fault, ""])
            archive.writestr(entry(name), data)
        archive.writestr(entry("ground_truth.csv"), table.getvalue())
