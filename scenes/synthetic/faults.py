"""Plants the faults of real archives in a drawn one, and records each.

The faults are planned before anything is drawn. An image's fault depends only on the seed and on its own place, so
more images leave the others as they were. A faulty image *replaces* a sound one, so the counts stay as requested; only
the text file and the litter are added.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import chain, cycle, repeat

import numpy as np
from PIL import Image

from scenes.common.errors import InputError
from scenes.synthetic.canvas import resize

SPLITS = ("train", "test", "pred")

# The column `fault` of ground_truth.csv holds these words. First the faults with a rate, and the splits that they occur
# in. The source of a duplicate is always a sound image.
RATED = {
    "wrong_label": ("train", "test"),  # in the folder of the class that its class is most often confused with
    "exact_duplicate": ("train",),  # the bytes of its source; every other source is in test
    "near_duplicate": ("train",),  # its source after one of CHANGES; every other source is in test
    "conflicting_duplicate": ("train",),  # the bytes of its source in train, under another label
    "odd_size": SPLITS,  # not square, or of another size than the rest
    "grey": SPLITS,  # a single channel
}
# With `broken`, each of these occurs once: BROKEN among the training images, EXTRA as members that are not images.
BROKEN = ("truncated", "png_named_jpg", "cmyk", "sixteen_bit")
EXTRA = ("not_an_image", "litter")
WORDS = (*RATED, *BROKEN, *EXTRA)

# What near duplicates are, besides being compressed again: the column `change`. The kinds take turns.
CHANGES = (
    "reencoded",  # nothing else
    "shifted",  # by a quarter of a pixel
    "mirrored",  # left and right
    "cropped",  # by 1 to 3 % of the side at each edge, and enlarged again
)

MOST_IMAGES = 170_000  # in a split: the numbers in file names have 20 bits
MOST_FAULTY = 0.5  # above, there would be too few sound images to copy
BROKEN_AMONG = 24  # first training images that hold the broken ones, so that the count does not matter
ODD_SHAPES = ((6, 8), (8, 6), (7, 8), (8, 5), (5, 5), (12, 12), (9, 12))  # height and width in eighths of the size


@dataclass(frozen=True)
class Place:
    """One image of the archive: where it is, and what it shows."""

    split: str
    folder: str  # the class that it counts for
    index: int  # within its split and folder, from 0
    subject: str  # the class drawn
    fault: str = ""
    source: "Place | None" = None  # the image that it duplicates
    change: str = ""  # of a near duplicate: one of CHANGES

    @property
    def key(self) -> tuple[int, str, int]:
        """Split, folder and index: unique in the archive."""
        return SPLITS.index(self.split), self.folder, self.index

    @property
    def label(self) -> str:
        """The label, empty in pred."""
        return "" if self.split == "pred" else self.folder

    @property
    def suffix(self) -> str:
        """The suffix of the file name."""
        return ".png" if self.fault == "sixteen_bit" else ".jpg"


def hashed(limit: int, *key: object) -> int:
    """Return an integer from 0 to ``limit - 1`` that depends only on the key."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "big") % limit


def shuffled_number(seed: int, code: int) -> int:
    """Permute the numbers below 2**20, so that they say nothing about ``code`` (a Feistel network)."""
    left, right = code >> 10, code & 1023
    for turn in range(4):
        left, right = right, left ^ hashed(1024, seed, turn, right)
    return left << 10 | right


def check(counts: Mapping[str, int], classes: int, rates: Mapping[str, float]) -> None:
    """Refuse counts and rates that are impossible.

    Raises:
        InputError: see :func:`plan`.
    """
    for split in SPLITS:
        fewest = 0 if split == "pred" else classes
        if not fewest <= counts[split] <= MOST_IMAGES:
            raise InputError(f"synthetic: {split} is {counts[split]}; give a number from {fewest} to {MOST_IMAGES}")
    if set(rates) != {*RATED, "broken"}:
        raise InputError(f"synthetic: faults has the keys {', '.join(rates)}; give {', '.join(RATED)} and broken")
    for name in RATED:
        if not 0 <= rates[name] <= 1:
            raise InputError(f"synthetic: faults.{name} is {rates[name]}; give a share from 0 to 1")
    total = sum(rates[name] for name in RATED)
    if total > MOST_FAULTY:
        raise InputError(f"synthetic: the rates of faults add up to {total:g}; lower them to {MOST_FAULTY} or less")
    if rates["broken"] and counts["train"] < BROKEN_AMONG:
        raise InputError(
            f"synthetic: train is {counts['train']}, too few for faults.broken; "
            f"give {BROKEN_AMONG} or more, or set faults.broken to false"
        )


def plan(seed: int, counts: Mapping[str, int], confused: Mapping[str, str], rates: Mapping[str, float]) -> list[Place]:
    """Plan every image of the archive.

    Args:
        seed: of the archive.
        counts: images in ``train``, ``test`` and ``pred``; in each split the classes take turns.
        confused: for each class, the class that it is most often confused with; the keys are all classes.
        rates: a share of the images of a split for each key of ``RATED``, and the switch ``broken``.

    Returns:
        A place per image: ``train``, then ``test``, then ``pred``.

    Raises:
        InputError: a count, a rate or the sum of the rates is impossible.
    """
    classes = list(confused)
    check(counts, len(classes), rates)
    places = []
    for split in SPLITS:
        fault_of: dict[int, str] = {}  # by the number of the image in its split
        if split == "train" and rates["broken"]:
            order = sorted(range(BROKEN_AMONG), key=lambda n: hashed(1 << 60, seed, "broken", n))
            fault_of.update(zip(order, BROKEN, strict=False))
        for fault in (fault for fault in RATED if split in RATED[fault]):
            scatter(fault_of, fault, rates[fault], seed, split, counts[split], confused)
        for n in range(counts[split]):
            folder, index = classes[n % len(classes)], n // len(classes)
            places.append(Place(split, folder, index, folder, fault_of.get(n, "")))
    return list(with_sources(seed, places, confused))


def scatter(
    fault_of: dict[int, str], fault: str, rate: float, seed: int, split: str, count: int, confused: Mapping[str, str]
) -> None:
    """Add the images with this fault to ``fault_of``: one in each stretch of ``1 / rate``, or the next possible one.

    ``count`` only says where to stop, so that it changes no earlier choice; a choice may lie beyond it.
    """
    classes, parts = list(confused), round(rate * 1_000_000)
    copied, mistaken = fault.endswith("duplicate"), fault in ("wrong_label", "conflicting_duplicate")
    for turn in range(-(-count * parts // 1_000_000)):
        first, end = turn * 1_000_000 // parts, (turn + 1) * 1_000_000 // parts
        n = first + hashed(max(end - first, 1), seed, split, fault, turn)
        # A copy comes after the images it may copy; a wrong label must be one that another class is confused with.
        while (
            n in fault_of
            or (copied and n < BROKEN_AMONG)
            or (mistaken and classes[n % len(classes)] not in confused.values())
        ):
            n += 1
        fault_of[n] = fault


def mislabelled_subject(seed: int, place: Place, confused: Mapping[str, str]) -> str:
    """Return the class to draw for a wrong label: mostly the one that is confused with it both ways."""
    pool = [name for name, other in confused.items() if other == place.folder]
    pool += [name for name in pool if name == confused[place.folder]] * 3
    return pool[hashed(len(pool), seed, "stranger", place.key)]


def with_sources(seed: int, places: list[Place], confused: Mapping[str, str]) -> Iterator[Place]:
    """Yield the places with the subjects of wrong labels and the sources of duplicates; no image is copied twice.

    If a class has no sound test image left to copy, a training image is copied instead.
    """
    sound = {place.key: place for place in places if not place.fault}
    tests = 1 + max(place.index for place in places if place.split == "test")
    across = {"exact_duplicate": False, "near_duplicate": False}
    changes = chain.from_iterable(repeat(change, 2) for change in cycle(CHANGES))  # one across the splits, one within
    for place in places:
        subject = place.folder
        if place.fault in ("wrong_label", "conflicting_duplicate"):
            subject = mislabelled_subject(seed, place, confused)
        if place.fault.endswith("duplicate"):
            train, test = (SPLITS.index(split) for split in ("train", "test"))
            keys: Iterator[tuple[int, str, int]] = ((train, subject, i) for i in reversed(range(place.index)))
            if place.fault in across:
                across[place.fault] = not across[place.fault]
                if across[place.fault]:
                    keys = chain(((test, subject, i) for i in range(tests)), keys)
            key = next((key for key in keys if key in sound), None)
            if key:
                change = next(changes) if place.fault == "near_duplicate" else ""
                yield replace(place, subject=subject, source=sound.pop(key), change=change)
            else:
                yield replace(place, fault="")
        else:
            yield replace(place, subject=subject)


def shape(place: Place, size: int, seed: int) -> tuple[int, int]:
    """Return the height and width of an image, in pixels."""
    if place.fault != "odd_size":
        return size, size
    height, width = ODD_SHAPES[hashed(len(ODD_SHAPES), seed, "shape", place.key)]
    return size * height // 8, size * width // 8


def near_copy(pixels: np.ndarray, place: Place, quality: int) -> tuple[np.ndarray, int]:
    """Return the pixels of a near duplicate, and the quality to compress them with.

    Args:
        pixels: of the source, uint8 (size, size, 3).
        place: of the copy.
        quality: of the source.
    """
    size = len(pixels)
    if place.change == "shifted":
        # A shift by a whole pixel instead of a quarter would change one pHash in ten by more than four bits.
        neighbour = pixels[:, [0, *range(size - 1)]]
        pixels = ((pixels.astype(np.uint16) * 3 + neighbour) // 4).astype(np.uint8)
    elif place.change == "mirrored":
        pixels = pixels[:, ::-1]
    elif place.change == "cropped":
        left, top, right, bottom = (max(size * (1 + hashed(3, "crop", place.key, edge)) // 100, 1) for edge in range(4))
        pixels = resize(pixels[top : size - bottom, left : size - right], size, size)
    return pixels, quality - 12 if quality > 80 else quality + 8


def encode(pixels: np.ndarray, place: Place, quality: int, subsampling: int) -> bytes:
    """Return an image file: a JPEG, or what the fault of ``place`` asks for.

    Args:
        pixels: uint8 (height, width, 3).
        quality, subsampling: Pillow's options for JPEG.
    """
    image = Image.fromarray(pixels)
    if place.fault == "grey":
        image = image.convert("L")
    elif place.fault == "cmyk":
        image = image.convert("CMYK")
    elif place.fault == "sixteen_bit":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    stream = io.BytesIO()
    if place.fault in ("png_named_jpg", "sixteen_bit"):
        # Not compressed, because versions of zlib give different bytes.
        image.save(stream, "PNG", compress_level=0)
    else:
        image.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    data = stream.getvalue()
    return data[: len(data) * 3 // 5] if place.fault == "truncated" else data


def extras(train_folder: str) -> list[tuple[str, tuple[bytes, str]]]:
    """Return the members that are not images: each one's path, content and fault."""
    apple_double = bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(2)
    note = b"The pictures of the second trip are still missing here.\n"
    return [
        (f"{train_folder}/sea/notes.jpg", (note, "not_an_image")),
        (f"{train_folder}/.DS_Store", (bytes(3) + b"\x01Bud1" + bytes(64), "litter")),
        (f"__MACOSX/{train_folder}/._.DS_Store", (apple_double, "litter")),
        (f"__MACOSX/{train_folder}/forest/._1001.jpg", (apple_double, "litter")),
    ]
