"""The audit's table, with a row per image of the archive, and its summary in numbers.

| column | |
|---|---|
| path | the member's name in the archive, see ``layout.members.Member``; the key, sorted within an archive |
| split | train, val, test or pred, as in the archive; train where it has no splits |
| label | the class; '' in pred |
| subject | what belongs together on one side of a split, e.g. a patient (``archive.layout.subject``); '' if unknown |
| archive | its number, from 1, in the order of ``source`` in params.yaml |
| bytes | size of the file |
| width, height | pixels, upright; 0 if the header could not be read |
| mode | Pillow's mode of the stored image |
| sha256 | of the file; '' if its bytes could not be read |
| pixel_sha256 | of the shape and the RGB pixels; '' if they could not be decoded |
| phash | perceptual hash, 64 bits in hex; '' for one without structure, see ``scenes.duplicates.perceptual_hash`` |
| group | exact and near duplicates share it, see ``scenes.duplicates.near_duplicates`` |
| problem | '' or one word |

A row gets the first problem that applies. With these, an image is left out:

- ``not_an_image``: not in an image format that is read here
- ``web_page``: HTML, e.g. of a download that failed
- ``corrupt``: the decoder refuses it
- ``too_many_pixels``: more than the limit

With these, it is used, except that a parameter of the split decides on ``damaged``:

- ``damaged``: decodes, but with a warning of the decoder: part of the picture is missing or wrong
- ``wrong_format``: the format differs from the suffix of the name
- ``odd_mode``: not stored as 8-bit RGB, but grey, CMYK, palette, with alpha, or in 16 bits
- ``odd_size``: more than half of the usable images have the same size, and this one has another
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.common.tables import read_csv, rounded, write_csv
from scenes.layout.layout import SPLITS, Archive

if TYPE_CHECKING:
    import pandas as pd

FATAL = ("not_an_image", "web_page", "corrupt", "too_many_pixels")
NOTED = ("damaged", "wrong_format", "odd_mode", "odd_size")

NUMBERS = ("archive", "bytes", "width", "height")
COLUMNS = (
    "path",
    "split",
    "label",
    "subject",
    *NUMBERS,
    "mode",
    "sha256",
    "pixel_sha256",
    "phash",
    "group",
    "problem",
)
LEARN = ("train", "val")  # the splits that models are trained and chosen on
# Kinds of duplicates, and the column that they share. Each kind includes the one before.
KINDS = {"exact": "sha256", "pixel": "pixel_sha256", "near": "group"}


def write(audit: "pd.DataFrame", path: str | Path) -> None:
    """Write the table as CSV."""
    write_csv(path, audit[list(COLUMNS)])


def read(path: str | Path) -> "pd.DataFrame":
    """Read the table: ``archive``, ``bytes``, ``width`` and ``height`` as int64, all other columns as text.

    Raises:
        InputError: the file is missing or damaged.
    """
    return read_csv(path, integers=NUMBERS, columns=COLUMNS)


def usable(audit: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows of the images without a fatal problem."""
    return audit[~audit["problem"].isin(FATAL)]


def clean_test(audit: "pd.DataFrame") -> set[str]:
    """Return the paths of the clean test images.

    A test image is clean if no duplicate of it is in train or val and none has another label. Unlabelled images do not
    count.

    Args:
        audit: with the archive's own splits, or the final ones of ``scenes.dataset.split.final_splits``. There, an
            image that is left out keeps its own split: a test image whose duplicate was in the archive's train is not
            clean, whether or not a model has seen the duplicate.
    """
    images = usable(audit)
    labelled = images[images["split"] != "pred"]
    learned_groups = labelled.loc[labelled["split"].isin(LEARN), "group"].unique()
    spoilt = labelled["group"].isin(learned_groups) | conflicting(labelled, "group")
    return set(labelled.loc[(labelled["split"] == "test") & ~spoilt, "path"])


def summary(audit: "pd.DataFrame", archive: Archive) -> dict[str, Any]:
    """Return nested counts of the archive's own splits, and ``clean_test.share``, the only fraction.

    - ``images``: files inside the layout, per split; ``usable``: those without a fatal problem.
    - ``classes.<class>.<split>``: usable images, for those of train, val and test that the archive has.
    - ``problems.<word>``: images with this problem, 0 included.
    - ``duplicates.<kind>``: of the usable images, the groups of two or more and the images in them, for the kinds
      ``exact`` (file), ``pixel`` and ``near``, each including the one before. Among these are counted those
      ``across_splits`` (any two of train, val, test, pred), those in ``train_and_test`` (in train or val, and in test),
      and those with ``conflicting_labels``.
    - ``clean_test``: see :func:`clean_test`, and their share of the usable test images; absent where there are none.
    - ``ignored``: files skipped because they are litter, outside the layout, or of a suffix that no image has.
    - ``case_collisions``: members whose paths differ only in case or Unicode form.
    - ``without_phash``: usable images that have too little structure to be compared for near duplicates.
    """
    images = usable(audit)
    tested = int((images["split"] == "test").sum())
    clean = len(clean_test(audit))
    return {
        "images": _per_split(audit),
        "usable": _per_split(images),
        "classes": _per_class(images, archive.classes),
        "problems": {word: int((audit["problem"] == word).sum()) for word in (*FATAL, *NOTED)},
        "duplicates": {kind: _duplicates(images, key) for kind, key in KINDS.items()},
        **({"clean_test": {"images": clean, "share": rounded(clean / tested)}} if tested else {}),
        "ignored": {
            "litter": archive.litter,
            "outside_layout": archive.outside,
            "other_suffixes": sum(archive.skipped.values()),
        },
        "case_collisions": archive.case_collisions,
        "without_phash": int((images["phash"] == "").sum()),
    }


def across_splits(images: "pd.DataFrame", key: str) -> "pd.Series":
    """Return, per image, whether the images with the same ``key`` are in several of train, val, test and pred."""
    return images.groupby(key)["split"].transform("nunique") > 1


def in_train_and_test(images: "pd.DataFrame", key: str) -> "pd.Series":
    """Return, per image, whether the images with the same ``key`` are in train or val, and also in test."""
    learned, test = (set(images.loc[images["split"].isin(splits), key]) for splits in (LEARN, ("test",)))
    return images[key].isin(learned & test)


def conflicting(images: "pd.DataFrame", key: str) -> "pd.Series":
    """Return, per image, whether the labelled images with the same ``key`` have several labels."""
    labels = images[images["split"] != "pred"].groupby(key)["label"].nunique()
    return images[key].isin(labels.index[labels > 1])


def _per_split(images: "pd.DataFrame") -> dict[str, int]:
    return {split: int((images["split"] == split).sum()) for split in SPLITS} | {"total": len(images)}


def _per_class(images: "pd.DataFrame", classes: Sequence[str]) -> dict[str, dict[str, int]]:
    import pandas as pd

    labelled = images[images["split"] != "pred"]
    present = set(labelled["split"])
    counts = pd.crosstab(labelled["label"], labelled["split"])
    columns = [split for split in SPLITS if split in present]
    return counts.reindex(index=list(classes), columns=columns, fill_value=0).to_dict(orient="index")


def _duplicates(images: "pd.DataFrame", key: str) -> dict[str, Any]:
    repeated = images[images.groupby(key)["path"].transform("size") > 1]
    return _groups(repeated, key) | {
        "across_splits": _groups(repeated[across_splits(repeated, key)], key),
        "train_and_test": _groups(repeated[in_train_and_test(repeated, key)], key),
        "conflicting_labels": _groups(repeated[conflicting(repeated, key)], key),
    }


def _groups(images: "pd.DataFrame", key: str) -> dict[str, int]:
    return {"groups": int(images[key].nunique()), "images": len(images)}
