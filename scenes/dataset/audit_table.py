"""The audit as a table: a row per image of the archive, ``data/audit.csv``.

| column | |
|---|---|
| path | the member's name in the archive; the key, sorted |
| split | train, test or pred: where the archive puts it |
| label | the class; '' in pred |
| bytes | size of the file |
| width, height | pixels, upright; 0 where the header could not be read |
| mode | Pillow's mode of the stored image |
| sha256 | of the file; '' where its bytes could not be read |
| pixel_sha256 | of the shape and the RGB pixels; '' where they could not be decoded |
| phash | perceptual hash, 64 bits in hex; '' where it says nothing: see ``scenes.dataset.duplicates`` |
| group | images that are duplicates of one another, exact or near, share it |
| problem | '' or one word |

The problems, of which a row gets the first that is true. Fatal, the image is left out:

- ``not_an_image``: of no image format that is read here
- ``corrupt``: truncated or damaged
- ``too_many_pixels``: more than ``archive.max_pixels``

Noted, the image is used:

- ``wrong_format``: the name's ending says another format than the bytes
- ``odd_mode``: not stored as 8-bit RGB: grey, CMYK, palette, alpha, 16 bits
- ``odd_size``: another size than more than half of all images have

The audit in numbers: ``metrics/audit.json``.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from scenes.archive.layout import SPLITS, Archive

if TYPE_CHECKING:
    import pandas as pd


FATAL = ("not_an_image", "corrupt", "too_many_pixels")
NOTED = ("wrong_format", "odd_mode", "odd_size")

NUMBERS = ("bytes", "width", "height")
COLUMNS = (
    "path",
    "split",
    "label",
    *NUMBERS,
    "mode",
    "sha256",
    "pixel_sha256",
    "phash",
    "group",
    "problem",
)


def write(audit: "pd.DataFrame", path: str | Path) -> None:
    """Write the table as CSV, the same bytes for the same table."""
    audit.to_csv(path, columns=list(COLUMNS), index=False, lineterminator="\n", encoding="utf-8")


def read(path: str | Path) -> "pd.DataFrame":
    """Read the table: ``bytes,width,height`` as int64, all else as text, where a class may be called NA or 007."""
    import pandas as pd

    types = {column: "int64" if column in NUMBERS else "str" for column in COLUMNS}
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_filter=False, encoding="utf-8")


def usable(audit: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows of the images that can be used: without a fatal problem."""
    return audit[~audit["problem"].isin(FATAL)]


def clean_test(audit: "pd.DataFrame") -> set[str]:
    """Return the paths of the test images that no duplicate spoils.

    An image is clean if no other member of its group stands in train, and none carries another label. (Unlabelled
    images neither teach a model nor contradict a label.)
    """
    images = usable(audit)
    labelled = images[images["split"] != "pred"]
    taught = labelled.loc[labelled["split"] == "train", "group"].unique()
    labels = labelled.groupby("group")["label"].nunique()
    disputed = labels.index[labels > 1]
    test = labelled[labelled["split"] == "test"]
    return set(test.loc[~test["group"].isin(taught) & ~test["group"].isin(disputed), "path"])


# Each kind includes the one before: the same file has the same pixels, and is in one group.
KINDS = {"exact": "sha256", "pixel": "pixel_sha256", "near": "group"}


def summary(audit: "pd.DataFrame", archive: Archive) -> dict:
    """Return nested counts; ``clean_test.share`` is the one fraction.

    - ``images``: files inside the layout, per split; ``usable`` those without a fatal problem.
    - ``classes.<class>.<split>``: usable images.
    - ``problems.<word>``: images by the words of ``scenes.dataset.audit_table``, zero included.
    - ``duplicates.<kind>``, usable images only, kinds ``exact`` (file), ``pixel`` and ``near``, each including the
      kind before: the groups of two images and more, and the images in them; of these, those ``across_splits`` (any
      two of train, test, pred), those in ``train_and_test``, and those of ``conflicting_labels``.
    - ``clean_test``: the part of the usable test images that no duplicate spoils.
    - ``ignored``: files skipped, as litter or outside of the layout.
    - ``case_collisions``: members whose paths differ in case or Unicode form alone.
    - ``without_phash``: usable images with too little structure to be compared for near duplicates.
    """
    images = usable(audit)
    clean = len(clean_test(audit))
    return {
        "images": _per_split(audit),
        "usable": _per_split(images),
        "classes": {
            label: {split: _count(images, split, label) for split in ("train", "test")} for label in archive.classes
        },
        "problems": {word: int((audit["problem"] == word).sum()) for word in (*FATAL, *NOTED)},
        "duplicates": {kind: _duplicates(images, key) for kind, key in KINDS.items()},
        "clean_test": {"images": clean, "share": round(clean / int((images["split"] == "test").sum()), 6)},
        "ignored": {"litter": archive.litter, "outside_layout": archive.outside},
        "case_collisions": archive.case_collisions,
        "without_phash": int((images["phash"] == "").sum()),
    }


def across_splits(images: "pd.DataFrame", key: str) -> "pd.Series":
    """Return, per image, whether the images of the same ``key`` stand in several of train, test and pred."""
    return images.groupby(key)["split"].transform("nunique") > 1


def in_train_and_test(images: "pd.DataFrame", key: str) -> "pd.Series":
    """Return, per image, whether the images of the same ``key`` stand in train and in test."""
    found = [set(images.loc[images["split"] == split, key]) for split in ("train", "test")]
    return images[key].isin(found[0] & found[1])


def conflicting(images: "pd.DataFrame", key: str) -> "pd.Series":
    """Return, per image, whether the labelled images of the same ``key`` carry several labels."""
    labels = images[images["split"] != "pred"].groupby(key)["label"].nunique()
    return images[key].isin(labels.index[labels > 1])


def _per_split(images: "pd.DataFrame") -> dict:
    return {split: int((images["split"] == split).sum()) for split in SPLITS} | {"total": len(images)}


def _count(images: "pd.DataFrame", split: str, label: str) -> int:
    return int(((images["split"] == split) & (images["label"] == label)).sum())


def _duplicates(images: "pd.DataFrame", key: str) -> dict:
    repeated = images[images.groupby(key)["path"].transform("size") > 1]
    return _groups(repeated, key) | {
        "across_splits": _groups(repeated[across_splits(repeated, key)], key),
        "train_and_test": _groups(repeated[in_train_and_test(repeated, key)], key),
        "conflicting_labels": _groups(repeated[conflicting(repeated, key)], key),
    }


def _groups(images: "pd.DataFrame", key: str) -> dict:
    return {"groups": int(images[key].nunique()), "images": len(images)}
