"""The synthetic archive: drawn scenes in the Kaggle archive's layout, with faults, and the truth about both."""

import csv
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scenes import drawing
from scenes import faults as planted
from scenes.errors import InputError
from scenes.faults import Place
from scenes.files import replacing

SIZES = 32, 1024  # below, nothing can be made out; above, nothing is added


def picture(place: Place, seed: int, size: int) -> tuple[bytes, list[str]]:
    """Draw, frame and encode what stands at a place: the file's bytes, and the classes it shows."""
    origin = place.source or place
    split, folder, index = origin.key
    rng = np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([seed, split, drawing.CLASSES.index(folder), index]))
    )
    pixels, layers = drawing.draw(origin.subject, rng)
    height, width = planted.shape(place, size, seed)
    crop = slice(0, len(pixels) * min(height, width) // width), slice(0, len(pixels) * min(height, width) // height)
    pixels, layers = drawing.resize(pixels[crop], height, width), layers[crop]
    grain = drawing.pick(rng, 0, 9)
    pixels = np.clip(pixels + rng.integers(-grain, grain + 1, pixels.shape), 0, 255).astype(np.uint8)
    quality, subsampling = drawing.pick(rng, 60, 95), drawing.pick(rng, 0, 1) * 2
    if place.fault == "near_duplicate":
        if place.index % 2:
            pixels = np.roll(pixels, 1, place.index // 2 % 2)
        quality = quality - 12 if quality > 80 else quality + 8
    return planted.encode(pixels, place.fault, quality, subsampling), drawing.contains(layers)


def path_of(place: Place, seed: int) -> str:
    """Where the image stands in the archive. Its number says nothing about its class."""
    split, folder, index = place.key
    name = f"{planted.number(seed, (index * 3 + split) * len(drawing.CLASSES) + drawing.CLASSES.index(folder))}{planted.suffix(place)}"
    top = f"seg_{place.split}/seg_{place.split}"
    return f"{top}/{name}" if place.split == "pred" else f"{top}/{folder}/{name}"


def draw_archive(
    path: str | Path, *, seed: int, train: int, test: int, pred: int, size: int, faults: Mapping[str, float]
) -> None:
    """Write a zip of drawn scenes in the Kaggle archive's layout, and the truth about them.

    The images are ``seg_train/seg_train/<class>/<number>.jpg``, the same for ``seg_test``, and
    ``seg_pred/seg_pred/<number>.jpg``. At the top, ``truth.csv`` has a row for each other member:
    ``path``; ``truth``, the class drawn; ``label``, the folder's; ``contains``, the classes the picture shows,
    separated by spaces; ``fault``, empty or one of ``faults.WORDS``; ``duplicate_of``, a path.

    Args:
        path: of the zip; replaced as a whole or not at all.
        seed: 0 or more. Each image hangs on (seed, split, class, index) and not on the counts.
        train, test, pred: numbers of images, faulty ones included; labels are balanced to within one.
        size: pixels a side, except where the size is the fault.
        faults: a share for each key of ``faults.RATED``, and the switch ``broken``.

    Raises:
        InputError: a count, size or rate that cannot be had.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"synthetic: size is {size}; give a number of pixels from {SIZES[0]} to {SIZES[1]}")
    if seed < 0:
        raise InputError(f"synthetic: the seed is {seed}; give 0 or a positive number")
    places = planted.plan(seed, {"train": train, "test": test, "pred": pred}, drawing.CONFUSED, faults)
    members = [(path_of(place, seed), place) for place in places]
    if faults["broken"]:
        members += [(name, (data, fault)) for name, data, fault in planted.extras("seg_train/seg_train")]
    members.sort(key=lambda member: member[0])

    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["path", "truth", "label", "contains", "fault", "duplicate_of"])
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, what in tqdm(members, desc="drawing scenes", unit="image", disable=None):
            if isinstance(what, Place):
                data, shown = picture(what, seed, size)
                label = "" if what.split == "pred" else what.folder
                source = path_of(what.source, seed) if what.source else ""
                rows.writerow([name, what.subject, label, " ".join(shown), what.fault, source])
            else:
                data, fault = what
                rows.writerow([name, "", "", "", fault, ""])
            archive.writestr(member(name), data)
        archive.writestr(member("truth.csv"), table.getvalue())


def member(name: str) -> zipfile.ZipInfo:
    """A zip entry without a date or a system of its own; stored, as JPEGs do not shrink and zlibs differ."""
    info = zipfile.ZipInfo(name, (2019, 1, 30, 0, 0, 0))
    info.create_system, info.external_attr, info.compress_type = 3, 0o644 << 16, zipfile.ZIP_STORED
    return info
