"""Small archives as people pack their own pictures: no two have the same layout or the same flaw.

The pictures are drawn: noise in the colour of their class, so that no two are near duplicates and a classifier can
learn them. ``ARCHIVES`` has the members of each by name; ``write`` packs one as a zip, ``unpack`` as a folder.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tests.helpers.pictures import encode

PETS = ("cat", "dog")
SPLITS = ("train", "test")
Members = Iterable[tuple[str, bytes]]


def pet(seed: int, hue: int, kind: str = "JPEG", mode: str = "RGB", side: int = 48) -> bytes:
    """Return the file of a picture: half noise, half the colour that ``hue``, the number of the class, stands for."""
    noise = np.random.default_rng([seed, hue]).integers(0, 256, (6, 6, 3), np.uint8)
    smooth = np.asarray(Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC))
    colour = np.array([hue * 67, hue * 131, hue * 29]) % 256
    return encode(Image.fromarray((smooth / 2 + colour / 2).astype(np.uint8)).convert(mode), kind)


def tree(
    splits: Sequence[str],
    classes: Sequence[str] = PETS,
    each: int | Sequence[int] = 12,
    *,
    suffix: str = "jpg",
    kind: str = "JPEG",
    mode: str = "RGB",
) -> Iterator[tuple[str, bytes]]:
    """Yield ``<split>/<class>/<number>.<suffix>``, ``each`` of a class (or as many as it says for each class)."""
    counts = [each] * len(classes) if isinstance(each, int) else each
    number = 0
    for split in splits:
        for hue, (label, count) in enumerate(zip(classes, counts, strict=True)):
            for _ in range(count):
                number += 1
                yield "/".join(filter(None, (split, label, f"{number}.{suffix}"))), pet(number, hue, kind, mode)


def beside_table(split: str, name: str, header: str, row: Callable[[str, int], str], each: int = 24) -> Members:
    """Yield a table and the pictures beside it, in which cats and dogs take turns."""
    pictures = [(f"{split}{number}.jpg", number % 2) for number in range(each)]
    yield f"{split}/{name}", "\n".join([header, *(row(*picture) for picture in pictures), ""]).encode()
    for file, hue in pictures:
        yield f"{split}/{file}", pet(zlib.crc32(file.encode()), hue)


def images_and_csv() -> Members:
    table, *pictures = beside_table("images", "labels.csv", "filename,label", lambda file, hue: f"{file},{PETS[hue]}")
    return [("labels.csv", table[1]), *pictures]


def roboflow_one_hot() -> Members:
    for split in ("train", "valid", "test"):
        yield from beside_table(
            split, "_classes.csv", "filename,cat,dog", lambda file, hue: f"{file},{1 - hue},{hue}", 12
        )


def hugging_face_metadata() -> Members:
    for split in SPLITS:
        yield from beside_table(split, "metadata.csv", "file_name,label", lambda file, hue: f"{file},{PETS[hue]}", 12)


def web_pages() -> Members:
    page = b"<!DOCTYPE html><html><body>Not Found</body></html>"
    return [(f"{split}/{label}/{number}.jpg", page) for split in SPLITS for label in PETS for number in range(6)]


def upload_litter() -> Members:
    for path, data in tree(SPLITS):
        yield from [(path, data), (f"{path}.baiduyun.uploading.cfg", b"x" * 40)]


def one_class_lacks_test() -> Members:
    return [*tree(SPLITS), *((path, pet(number, 2)) for number, (path, _) in enumerate(tree(["train"], ["owl"], 6)))]


def case_differs_between_splits() -> Members:
    return [(path.replace("test/c", "test/C").replace("test/d", "test/D"), data) for path, data in tree(SPLITS)]


def hundred_classes() -> Members:
    return tree(SPLITS, [f"class with a rather long name, number {number:03}" for number in range(102)], 3)


def imagenet_flat() -> Members:
    return [
        (f"n{1440764 + number}_{label}.JPEG", pet(number, hue))
        for hue, label in enumerate(PETS)
        for number in range(12)
    ]


def split_inside_class() -> Members:
    return [
        (f"{label}/{split}/{number}{label}{split}.jpg", pet(number + 100 * len(split), hue))
        for hue, label in enumerate(PETS)
        for split in SPLITS
        for number in range(12)
    ]


def digits(train: int = 12, test: int = 4) -> Members:
    """The ten digits, each a little moved and in a dark colour: other digits are as near by pHash as the same one."""
    random = np.random.default_rng(0)
    for split, each in (("train", train), ("test", test)):
        for digit in range(10):
            for number in range(each):
                image = Image.new("RGB", (28, 28), "white")
                left, top = (int(value) for value in random.integers(-2, 3, 2))
                colour = tuple(int(value) for value in random.integers(0, 120, 3))
                ImageDraw.Draw(image).text((9 + left, 6 + top), str(digit), fill=colour, font_size=16)
                yield f"{split}/{digit}/{number}.png", encode(image, "PNG")


def sheet(left: int = 60) -> Image.Image:
    """A white sheet with a black square: uncompressed, it is just over a megabyte and packs to a 200th of that."""
    image = Image.new("RGB", (600, 600), "white")
    ImageDraw.Draw(image).rectangle((left, 60, left + 150, 210), fill="black")
    return image


def bmp_scans() -> Members:
    for number, label in enumerate(PETS * 6):
        yield f"{SPLITS[number // 6]}/{label}/{number}.bmp", encode(sheet(60 + 24 * number), "BMP")


def multi_label() -> Members:
    """Each picture is in two class folders, and grass has none in test."""
    for number in range(30):
        data = pet(number, number % 3)
        folders = {
            0: ("test/fire", "test/flying"),
            1: ("train/flying", "train/grass"),
            2: ("train/grass", "train/fire"),
        }
        for folder in folders[number % 3]:
            yield f"{folder}/{number}.jpg", data


# The members of each archive: its path and bytes.
ARCHIVES: dict[str, Callable[[], Members]] = {
    "no_split": lambda: tree(["pets"]),
    "train_val": lambda: tree(["train", "val"]),
    "train_valid_test": lambda: tree(["train", "valid", "test"]),
    "images_and_csv": images_and_csv,
    "roboflow_one_hot": roboflow_one_hot,
    "hugging_face_metadata": hugging_face_metadata,
    "nested_classes": lambda: tree(SPLITS, ["Fruit/Apple/Gala", "Fruit/Lemon", "Packages/Milk/Oat"]),
    "netpbm": lambda: tree(SPLITS, suffix="pgm", kind="PPM", mode="L"),
    "web_pages": web_pages,
    "upload_litter": upload_litter,
    "few_of_a_class": lambda: tree(SPLITS, each=(12, 4)),
    "one_class_lacks_test": one_class_lacks_test,
    "case_differs_between_splits": case_differs_between_splits,
    "hundred_classes": hundred_classes,
    "imagenet_flat": imagenet_flat,
    "capital_splits": lambda: tree(["Training", "Testing"]),
    "split_inside_class": split_inside_class,
    "gbk_names": lambda: tree(SPLITS, ["苹果", "杯子"]),
    "digits": digits,
    "bmp_scans": bmp_scans,
    "multi_label": multi_label,
    "utf8_names_without_flag": lambda: tree(SPLITS, ["ñé", "öü"]),
    "easy_and_small": lambda: tree(SPLITS, each=60),
}
# The encoding of the names in the zips that do not say it.
ENCODINGS = {"gbk_names": "gbk", "utf8_names_without_flag": "utf-8"}


class UnflaggedName(zipfile.ZipInfo):
    """An entry whose name is in any encoding: the one that zipfile writes always says when it is UTF-8."""

    encoding = "utf-8"

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode(self.encoding), self.flag_bits & ~0x800


def pack_unflagged(path: Path, members: Members, encoding: str) -> Path:
    """Write a zip with names in ``encoding`` and no flag that says which it is, as many tools do."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            entry = UnflaggedName(name)
            entry.encoding, entry.compress_type = encoding, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return path


def write(name: str, folder: Path) -> Path:
    """Write the archive ``name`` as ``folder/<name>.zip``."""
    path = folder / f"{name}.zip"
    if name in ENCODINGS:
        return pack_unflagged(path, ARCHIVES[name](), ENCODINGS[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in ARCHIVES[name]():
            archive.writestr(member, data)
    return path


def unpack(name: str, folder: Path) -> Path:
    """Write the members of the archive ``name`` as files in ``folder/<name>``."""
    for member, data in ARCHIVES[name]():
        path = folder / name / member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / name
