"""The audit in numbers: ``metrics/audit.json``."""

from typing import TYPE_CHECKING

from scenes.archive import SPLITS, Archive
from scenes.audit_table import FATAL, NOTED, clean_test, usable

if TYPE_CHECKING:
    import pandas as pd

# Each kind includes the one before: the same file has the same pixels, and is in one group.
KINDS = {"exact": "sha256", "pixel": "pixel_sha256", "near": "group"}


def summary(audit: "pd.DataFrame", archive: Archive) -> dict:
    """Return nested counts; ``clean_test.share`` is the one fraction.

    - ``images``: files inside the layout, per split; ``usable`` those without a fatal problem.
    - ``classes.<class>.<split>``: usable images.
    - ``problems.<word>``: images by the words of ``scenes.audit_table``, zero included.
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
