"""Faults planted on purpose in a drawn archive, each of them known: what real archives have, with an answer sheet.

Which images get a fault is worked out before anything is drawn. It hangs on the seed and on the image's own
place alone, so that asking for more images leaves the others, faulty or not, as they were. A faulty image
*replaces* a sound one: the counts stay as asked. Only the text file and the litter come on top.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from PIL import Image

from scenes.errors import InputError

SPLITS = ("train", "test", "pred")

# The words of truth.csv, and the splits each fault stands in. The first six have a rate, the next four come
# once, among the training images, with `broken`; the last two are members that are no images at all.
RATED = {
    "wrong_label": ("train", "test"),  # a sound image in the folder of the class its own is most confused with
    "exact_duplicate": ("train",),  # the bytes of `duplicate_of`, every other one across train and test
    "near_duplicate": ("train",),  # `duplicate_of` re-encoded or shifted by a pixel, every other one across
    "conflicting_duplicate": ("train",),  # the bytes of `duplicate_of`, which has another label and the right one
    "odd_size": SPLITS,  # not square, or of another size
    "grey": SPLITS,  # a single channel
}
BROKEN = ("truncated", "png_named_jpg", "cmyk", "sixteen_bit")
EXTRA = ("not_an_image", "litter")
WORDS = (*RATED, *BROKEN, *EXTRA)

MOST_IMAGES = 300_000  # a split: the numbers that images are named by have 20 bits
MOST_FAULTY = 0.5  # above, a copy may find no sound image left to be a copy of
BROKEN_AMONG = 24  # the broken ones are among the first training images, so that their place needs no total
ODD_SHAPES = ((6, 8), (8, 6), (7, 8), (8, 5), (5, 5), (12, 12), (9, 12))  # height and width in eighths


@dataclass(frozen=True)
class Place:
    """One image of the archive: where it stands, and what is to stand there."""

    split: str
    folder: str  # the class it is counted to; its label, except in pred, where there is none
    index: int  # within its split and folder, from 0
    subject: str  # the class drawn
    fault: str = ""
    source: "Place | None" = None  # what it is a duplicate of: always a sound image

    @property
    def key(self) -> tuple[int, str, int]:
        return SPLITS.index(self.split), self.folder, self.index


def hashed(limit: int, *key: object) -> int:
    """A number from 0 to ``limit - 1`` that depends on the key alone."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "big") % limit


def number(seed: int, code: int) -> int:
    """Shuffle the numbers below 2**20: different codes give different numbers, which say nothing of the code."""
    left, right = code >> 10, code & 1023
    for turn in range(4):
        left, right = right, left ^ hashed(1024, seed, turn, right)
    return left << 10 | right


def check(counts: Mapping[str, int], classes: int, faults: Mapping[str, float]) -> None:
    """Raise an InputError if what is asked for cannot be drawn."""
    for split, least in (("train", classes), ("test", classes), ("pred", 0)):
        if not least <= counts[split] <= MOST_IMAGES:
            raise InputError(
                f"synthetic: {split} is {counts[split]}; give a number from {least} to {MOST_IMAGES} ({classes} classes)"
            )
    wanted = {*RATED, "broken"}
    if set(faults) != wanted:
        raise InputError(
            f"synthetic: faults must have the keys {', '.join(sorted(wanted))}, not {', '.join(sorted(faults))}"
        )
    for name in RATED:
        if not 0 <= faults[name] <= 1:
            raise InputError(f"synthetic: the fault rate {name} is {faults[name]}; give a share from 0 to 1")
    total = sum(faults[name] for name in RATED)
    if total > MOST_FAULTY:
        raise InputError(
            f"synthetic: the fault rates add up to {total:g}; lower them to {MOST_FAULTY} or less together"
        )
    if faults["broken"] and counts["train"] < BROKEN_AMONG:
        raise InputError(
            f"synthetic: broken files need a train of {BROKEN_AMONG} images or more, not {counts['train']}; "
            "ask for more images or set faults.broken to false"
        )


def plan(seed: int, counts: Mapping[str, int], confused: Mapping[str, str], faults: Mapping[str, float]) -> list[Place]:
    """Decide what stands where.

    Args:
        seed: of the archive.
        counts: images in ``train``, ``test`` and ``pred``; each split goes through the classes in turn.
        confused: for each class the one it is most often confused with; its keys are the classes.
        faults: a share (of the images of its split) for each key of ``RATED``, and the switch ``broken``.

    Returns:
        A place per image, ``train`` before ``test`` before ``pred``.

    Raises:
        InputError: a count, a rate or their sum is impossible.
    """
    classes = list(confused)
    check(counts, len(classes), faults)
    places = {
        split: [
            Place(split, classes[n % len(classes)], n // len(classes), classes[n % len(classes)])
            for n in range(counts[split])
        ]
        for split in SPLITS
    }
    for split in SPLITS:
        taken = {}
        if split == "train" and faults["broken"]:
            order = sorted(range(BROKEN_AMONG), key=lambda n: hashed(1 << 60, seed, "broken", n))
            taken = dict(zip(order, BROKEN, strict=False))
        for name in (name for name in RATED if split in RATED[name]):
            taken |= scattered(seed, split, name, faults[name], counts[split], classes, confused, taken)
        for n, fault in taken.items():
            if n < counts[split]:
                places[split][n] = replace(places[split][n], fault=fault)
    return [*mislabelled(seed, copied(seed, places, confused), confused)]


def scattered(seed, split, name, rate, count, classes, confused, taken) -> dict[int, str]:
    """Choose images for one fault: one in each stretch of ``1 / rate``, the next free one if it is taken.

    No choice depends on ``count``, which only says where to stop.
    """
    chosen: dict[int, str] = {}
    parts = round(rate * 1_000_000)
    for turn in range((count * parts + 999_999) // 1_000_000):
        first, last = turn * 1_000_000 // parts, (turn + 1) * 1_000_000 // parts
        n = first + hashed(max(last - first, 1), seed, split, name, turn)
        while n in taken or n in chosen or not fits(name, n, classes, confused):
            n += 1
        chosen[n] = name
    return chosen


def fits(name: str, n: int, classes: list[str], confused: Mapping[str, str]) -> bool:
    """A copy needs a sound image before it; a wrong label needs a class that others are confused with."""
    if name in ("wrong_label", "conflicting_duplicate") and classes[n % len(classes)] not in confused.values():
        return False
    return "duplicate" not in name or n >= BROKEN_AMONG


def giver(seed: int, place: Place, confused: Mapping[str, str]) -> str:
    """The class whose image comes to stand, wrongly, in this place's folder: mostly the other one of a pair."""
    pool = [name for name, other in confused.items() if other == place.folder]
    pool += [name for name in pool if name == confused[place.folder]] * 3
    return pool[hashed(len(pool), seed, "giver", place.key)]


def copied(seed: int, places: dict[str, list[Place]], confused: Mapping[str, str]) -> list[Place]:
    """Give each duplicate its source: a sound image of test or, before it, of train; none serves twice."""
    sound = {(p.split, p.folder, p.index): p for split in places.values() for p in split if not p.fault}
    across = dict.fromkeys(("exact_duplicate", "near_duplicate"), False)
    result = []
    for place in (place for split in SPLITS for place in places[split]):
        if "duplicate" in place.fault:
            subject = place.folder
            source = None
            if place.fault == "conflicting_duplicate":
                subject = giver(seed, place, confused)
            else:
                across[place.fault] = not across[place.fault]
                if across[place.fault]:
                    tests = (sound.pop(("test", subject, i), None) for i in range(len(places["test"])))
                    source = next(filter(None, tests), None)
            if source is None:
                trains = (sound.pop(("train", subject, i), None) for i in reversed(range(place.index)))
                source = next(filter(None, trains), None)
            place = replace(place, subject=subject, source=source) if source else replace(place, fault="")
        result.append(place)
    return result


def mislabelled(seed: int, places: list[Place], confused: Mapping[str, str]):
    """Put another subject where the label is to be wrong."""
    for place in places:
        yield replace(place, subject=giver(seed, place, confused)) if place.fault == "wrong_label" else place


def shape(place: Place, size: int, seed: int) -> tuple[int, int]:
    """Height and width in pixels."""
    if place.fault != "odd_size":
        return size, size
    height, width = ODD_SHAPES[hashed(len(ODD_SHAPES), seed, "shape", place.key)]
    return size * height // 8, size * width // 8


def suffix(place: Place) -> str:
    return ".png" if place.fault == "sixteen_bit" else ".jpg"


def encode(pixels: np.ndarray, fault: str, quality: int, subsampling: int) -> bytes:
    """Encode (height, width, 3) uint8 as JPEG, or as the fault would have it."""
    image = Image.fromarray(pixels)
    if fault == "grey":
        image = image.convert("L")
    elif fault == "cmyk":
        image = image.convert("CMYK")
    elif fault == "sixteen_bit":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    stream = io.BytesIO()
    if fault in ("png_named_jpg", "sixteen_bit"):
        # Not compressed: how well zlib packs differs between its versions, and so would the bytes.
        image.save(stream, "PNG", compress_level=0)
    else:
        image.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    data = stream.getvalue()
    return data[: len(data) * 3 // 5] if fault == "truncated" else data


def extras(train_folder: str) -> list[tuple[str, bytes, str]]:
    """Members that are no images: path, content, fault."""
    apple_double = bytes.fromhex("00051607 00020000") + b"Mac OS X        " + bytes(2)
    return [
        (
            f"{train_folder}/sea/notes.txt",
            b"The pictures from the second trip are still missing here.\n",
            "not_an_image",
        ),
        (f"{train_folder}/.DS_Store", bytes(3) + b"\x01Bud1" + bytes(64), "litter"),
        (f"__MACOSX/{train_folder}/._.DS_Store", apple_double, "litter"),
        (f"__MACOSX/{train_folder}/forest/._1001.jpg", apple_double, "litter"),
    ]
