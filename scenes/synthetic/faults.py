"""Faults planted on purpose in a drawn archive, each of them known: what real archives have, with an answer sheet.

Which images get a fault is worked out before anything is drawn. It hangs on the seed and on the image's own
place alone, so that asking for more images leaves the others, faulty or not, as they were. A faulty image
*replaces* a sound one: the counts stay as asked. Only the text file and the litter come on top.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import chain

import numpy as np
from PIL import Image

from scenes.common.errors import InputError

SPLITS = ("train", "test", "pred")

# The words of ground_truth.csv. These have a rate, and the splits they stand in; a source is always a sound image.
RATED = {
    "wrong_label": ("train", "test"),  # in the folder of the class that its own is most often confused with
    "exact_duplicate": ("train",),  # the bytes of its source, every other one across train and test
    "near_duplicate": ("train",),  # its source re-encoded or a quarter of a pixel away, every other one across
    "conflicting_duplicate": ("train",),  # the bytes of its source in train, under a wrong label
    "odd_size": SPLITS,  # not square, or of another size
    "grey": SPLITS,  # a single channel
}
# These come once with `broken`, the first among the training images, the second as members that are no images.
BROKEN = ("truncated", "png_named_jpg", "cmyk", "sixteen_bit")
EXTRA = ("not_an_image", "litter")
WORDS = (*RATED, *BROKEN, *EXTRA)

MOST_IMAGES = 170_000  # of a split: the numbers that images are named by have 20 bits
MOST_FAULTY = 0.5  # above, copies would run out of sound images to be copies of
BROKEN_AMONG = 24  # the broken ones are among the first training images, so that no count decides where
ODD_SHAPES = ((6, 8), (8, 6), (7, 8), (8, 5), (5, 5), (12, 12), (9, 12))  # height and width in eighths of the size


@dataclass(frozen=True)
class Place:
    """One image of the archive: where it stands, and what is to stand there."""

    split: str
    folder: str  # the class it is counted to
    index: int  # within its split and folder, from 0
    subject: str  # the class drawn
    fault: str = ""
    source: "Place | None" = None  # what it is a duplicate of

    @property
    def key(self) -> tuple[int, str, int]:
        return SPLITS.index(self.split), self.folder, self.index

    @property
    def label(self) -> str:
        return "" if self.split == "pred" else self.folder

    @property
    def suffix(self) -> str:
        return ".png" if self.fault == "sixteen_bit" else ".jpg"


def hashed(limit: int, *key: object) -> int:
    """A number from 0 to ``limit - 1`` that hangs on the key alone."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "big") % limit


def number(seed: int, code: int) -> int:
    """Shuffle the numbers below 2**20: different codes give different numbers, which say nothing of the code."""
    left, right = code >> 10, code & 1023
    for turn in range(4):
        left, right = right, left ^ hashed(1024, seed, turn, right)
    return left << 10 | right


def check(counts: Mapping[str, int], classes: int, rates: Mapping[str, float]) -> None:
    """Raise an InputError for what cannot be had."""
    for split in SPLITS:
        least = 0 if split == "pred" else classes
        if not least <= counts[split] <= MOST_IMAGES:
            raise InputError(f"synthetic: {split} is {counts[split]}; give a number from {least} to {MOST_IMAGES}")
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
    """Decide what stands where.

    Args:
        seed: of the archive.
        counts: images in ``train``, ``test`` and ``pred``; each split goes through the classes in turn.
        confused: for each class the one it is most often confused with; its keys are the classes.
        rates: a share of the images of its split for each key of ``RATED``, and the switch ``broken``.

    Returns:
        A place per image, ``train`` before ``test`` before ``pred``.

    Raises:
        InputError: a count, a rate or the sum of the rates is impossible.
    """
    classes = list(confused)
    check(counts, len(classes), rates)
    places = []
    for split in SPLITS:
        chosen: dict[int, str] = {}
        if split == "train" and rates["broken"]:
            order = sorted(range(BROKEN_AMONG), key=lambda n: hashed(1 << 60, seed, "broken", n))
            chosen.update(zip(order, BROKEN, strict=False))
        for fault in (fault for fault in RATED if split in RATED[fault]):
            scatter(chosen, fault, rates[fault], seed, split, counts[split], confused)
        for n in range(counts[split]):
            folder, index = classes[n % len(classes)], n // len(classes)
            places.append(Place(split, folder, index, folder, chosen.get(n, "")))
    return list(with_sources(seed, places, confused))


def scatter(
    chosen: dict[int, str], fault: str, rate: float, seed: int, split: str, count: int, confused: Mapping[str, str]
) -> None:
    """Choose images for a fault: one in each stretch of ``1 / rate``, or the next that is free and fits.

    Nothing hangs on ``count``, which only says where to stop; so a choice may lie beyond it.
    """
    classes, parts = list(confused), round(rate * 1_000_000)
    copied, mistaken = fault.endswith("duplicate"), fault in ("wrong_label", "conflicting_duplicate")
    for turn in range(-(-count * parts // 1_000_000)):
        first, end = turn * 1_000_000 // parts, (turn + 1) * 1_000_000 // parts
        n = first + hashed(max(end - first, 1), seed, split, fault, turn)
        # A copy comes after the images it may copy; a wrong label is one that another class is confused with.
        while (
            n in chosen
            or (copied and n < BROKEN_AMONG)
            or (mistaken and classes[n % len(classes)] not in confused.values())
        ):
            n += 1
        chosen[n] = fault


def stranger(seed: int, place: Place, confused: Mapping[str, str]) -> str:
    """The class whose image stands wrongly in this place's folder: mostly the other one of a pair."""
    pool = [name for name, other in confused.items() if other == place.folder]
    pool += [name for name in pool if name == confused[place.folder]] * 3
    return pool[hashed(len(pool), seed, "stranger", place.key)]


def with_sources(seed: int, places: list[Place], confused: Mapping[str, str]) -> Iterator[Place]:
    """Yield the places with what they show: strangers, and copies of sound images, none of them copied twice.

    A copy across the splits whose class has no sound test image left is made of a training image instead.
    """
    sound = {place.key: place for place in places if not place.fault}
    tests = 1 + max(place.index for place in places if place.split == "test")
    across = {"exact_duplicate": False, "near_duplicate": False}
    for place in places:
        subject = place.folder
        if place.fault in ("wrong_label", "conflicting_duplicate"):
            subject = stranger(seed, place, confused)
        if place.fault.endswith("duplicate"):
            train, test = (SPLITS.index(split) for split in ("train", "test"))
            keys = ((train, subject, index) for index in reversed(range(place.index)))
            if place.fault in across:
                across[place.fault] = not across[place.fault]
                if across[place.fault]:
                    keys = chain(((test, subject, index) for index in range(tests)), keys)
            key = next((key for key in keys if key in sound), None)
            yield replace(place, subject=subject, source=sound.pop(key)) if key else replace(place, fault="")
        else:
            yield replace(place, subject=subject)


def shape(place: Place, size: int, seed: int) -> tuple[int, int]:
    """Height and width in pixels."""
    if place.fault != "odd_size":
        return size, size
    height, width = ODD_SHAPES[hashed(len(ODD_SHAPES), seed, "shape", place.key)]
    return size * height // 8, size * width // 8


def encode(pixels: np.ndarray, place: Place, quality: int, subsampling: int) -> bytes:
    """Encode (height, width, 3) uint8 as a JPEG, or as the place's fault would have it."""
    if place.fault == "near_duplicate":
        quality = quality - 12 if quality > 80 else quality + 8
        if place.index % 2:
            # A quarter of a pixel to the right: a whole one would move one pHash in ten by more than four bits.
            left = pixels[:, [0, *range(pixels.shape[1] - 1)]]
            pixels = ((pixels.astype(np.uint16) * 3 + left) // 4).astype(np.uint8)
    image = Image.fromarray(pixels)
    if place.fault == "grey":
        image = image.convert("L")
    elif place.fault == "cmyk":
        image = image.convert("CMYK")
    elif place.fault == "sixteen_bit":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    stream = io.BytesIO()
    if place.fault in ("png_named_jpg", "sixteen_bit"):
        # Not compressed: how zlib packs differs between its versions, and so would the bytes.
        image.save(stream, "PNG", compress_level=0)
    else:
        image.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    data = stream.getvalue()
    return data[: len(data) * 3 // 5] if place.fault == "truncated" else data


def extras(train_folder: str) -> list[tuple[str, tuple[bytes, str]]]:
    """Members that are no images: path, content and fault."""
    apple_double = bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(2)
    note = b"The pictures of the second trip are still missing here.\n"
    return [
        (f"{train_folder}/sea/notes.txt", (note, "not_an_image")),
        (f"{train_folder}/.DS_Store", (bytes(3) + b"\x01Bud1" + bytes(64), "litter")),
        (f"__MACOSX/{train_folder}/._.DS_Store", (apple_double, "litter")),
        (f"__MACOSX/{train_folder}/forest/._1001.jpg", (apple_double, "litter")),
    ]
