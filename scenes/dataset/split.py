"""The split of the audited images into training, validation, test and unlabelled ones."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from scenes.audit.audit_table import usable
from scenes.common.errors import InputError
from scenes.common.tables import read_csv, write_csv
from scenes.common.words import show
from scenes.dataset import corrections
from scenes.dataset.hold_out import refuse_too_few, units
from scenes.dataset.hold_out_by_archive import hold_out_by_archive, kept, leave_out

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

COLUMNS = ("path", "split", "label", "group")

# Why a labelled image is left out, and the parameter that decides on it; the first that applies counts.
REASONS = {
    "dropped": "dropped by a correction",
    "unusable": "cannot be decoded",
    "damaged": "damaged (split.drop_damaged)",
    "class": "of a class without test images (split.without_test)",
    "conflict": "the same picture under several labels (split.drop_conflicting_duplicates)",
    "test": "duplicate of a test image (split.drop_train_duplicates_of_test)",
    "test_subject": "of the subject of a test image (split.drop_train_duplicates_of_test)",
    "val": "duplicate of a validation image",
    "val_subject": "of the subject of a validation image",
}


class Split(NamedTuple):
    """What :func:`split` and :func:`split_corrected` return.

    Attributes:
        table: ``path,split,label,group``, all text, sorted by path. Images that are left out have no row.
        left_out: path and reason, a key of ``REASONS``, of the labelled images that are left out.
        held_out: for test and val, by class that had no images there: those held out of train, and those that were in
            train before.
        held_for_test: paths of the images that an archive holds out for test, also where a later one leaves them out.
        relabelled: how many images of train and val, or left out of these, have another label than in the archive.
        test_corrections: how many test images have a correction, which the split does not apply.
    """

    table: "pd.DataFrame"
    left_out: dict[str, str]
    held_out: dict[str, dict[str, tuple[int, int]]]
    held_for_test: frozenset[str]
    relabelled: int = 0
    test_corrections: int = 0

    @property
    def applied_corrections(self) -> dict[str, int]:
        """How many images are ``relabelled`` and ``dropped`` by corrections, without zeros."""
        counts = {"relabelled": self.relabelled, "dropped": list(self.left_out.values()).count("dropped")}
        return {name: count for name, count in counts.items() if count}


def split(
    audit: "pd.DataFrame",
    *,
    test_fraction: float,
    val_fraction: float,
    seed: int,
    drop_train_duplicates_of_test: bool,
    drop_conflicting_duplicates: bool,
    drop_damaged: bool,
    without_test: str,
    test: Collection[str] | None = None,
) -> Split:
    """Divide the images, without those that must not be used.

    The archive's own validation, test and unlabelled images stay what they are. A class without images for test, then
    for validation, gets its share from the training images, in whole units and by a hash, see
    ``scenes.dataset.hold_out``: one image more or less moves few others, and the order of the rows does not matter.
    Several archives are divided one after the other, see ``scenes.dataset.hold_out_by_archive``.

    Training images that are duplicates of a validation image, or of the same subject, are always left out: otherwise
    models are chosen by what they memorised.

    Args:
        audit: the table of ``scenes.audit.audit_table``.
        test_fraction: share of the training images of each class, where the archive has no test set, and of a class
            without test images; between 0 and 1, at least one image.
        val_fraction: share of the remaining training images of each class that has no validation images.
        seed: a different seed gives a different choice.
        drop_train_duplicates_of_test: leave out training and validation images that are duplicates of a test image of
            the archive, or of the same subject.
        drop_conflicting_duplicates: leave out training and validation images whose file or pixels also occur in them
            under another label. The labels of the archive's test images have no effect.
        drop_damaged: leave out labelled images with the problem ``damaged``.
        without_test: what happens to a class without test images where other classes have some, ``hold_out`` or
            ``drop``, which leaves the class out.
        test: paths of the training images to hold out for test; None: they are chosen.

    Raises:
        InputError: a class has too few images.
    """
    images = audit.sort_values("path", ignore_index=True)
    images = images.assign(stated=images["split"], left_out="")
    labelled = images["stated"] != "pred"
    leave_out(images, ~images.index.isin(usable(images).index), "unusable")
    if drop_damaged:
        leave_out(images, labelled & (images["problem"] == "damaged"), "damaged")
    if without_test == "drop":
        _leave_out_untested(images, test or ())
    held_out = hold_out_by_archive(
        images,
        {"test": test_fraction, "val": val_fraction},
        seed=seed,
        drop_train_duplicates_of_test=drop_train_duplicates_of_test,
        drop_conflicting_duplicates=drop_conflicting_duplicates,
        test=test,
    )
    _refuse_few(images[labelled], test or ())
    gone = images[labelled & (images["left_out"] != "")]
    return Split(
        images.loc[images["left_out"] == "", list(COLUMNS)].reset_index(drop=True),
        dict(zip(gone["path"], gone["left_out"], strict=True)),
        held_out,
        frozenset(images.loc[(images["stated"] == "train") & (images["split"] == "test"), "path"]),
    )


def split_corrected(audit: "pd.DataFrame", corrected: "pd.DataFrame", **options: Any) -> Split:
    """Do the same as :func:`split` with the labels of train and val corrected first.

    The test images and their labels are those without corrections, also where they are held out of train: scores before
    and after a correction compare. An image that is left out stays out if its duplicate, or another one of its
    subject, is held out for test.

    Args:
        audit: see :func:`split`.
        corrected: see ``scenes.dataset.corrections``; without rows the result is that of :func:`split`.
        options: the keyword arguments of :func:`split`.

    Raises:
        InputError: a class has too few images, with the corrections or without.
    """
    plain = split(audit, **options)
    if corrected.empty:
        return plain
    unit = units(audit[audit["split"] != "pred"]).reindex(audit.index)
    held = audit["path"].isin(plain.held_for_test)
    of_test = held | (audit["split"] == "test")
    fixed = of_test | (audit["path"].isin(plain.left_out) & unit.isin(unit[held]))
    applied = corrections.apply(audit, corrected[~corrected["path"].isin(audit.loc[fixed, "path"])])
    try:
        found = split(applied, test=plain.held_for_test, **options)
    except InputError as error:  # not without the corrections
        raise InputError(f"with the labels that corrections/<profile>.csv corrects or drops: {error}") from None
    return found._replace(
        left_out=found.left_out | dict.fromkeys(audit["path"].drop(applied.index), "dropped"),
        held_out={**found.held_out, "test": plain.held_out["test"]},
        relabelled=int((applied["label"] != audit.loc[applied.index, "label"]).sum()),
        test_corrections=int(corrected["path"].isin(audit.loc[of_test, "path"]).sum()),
    )


def final_splits(audit: "pd.DataFrame", table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the audit with the final split of each image; one that is left out keeps that of the archive.

    Args:
        audit: the table of ``scenes.audit.audit_table``.
        table: that of :func:`split`.
    """
    final = audit["path"].map(table.set_index("path")["split"])
    return audit.assign(split=final.fillna(audit["split"]))


def write(table: "pd.DataFrame", path: "str | Path") -> None:
    """Write the split as CSV."""
    write_csv(path, table[list(COLUMNS)])


def read(path: "str | Path") -> "pd.DataFrame":
    """Read the split, all columns as text.

    Raises:
        InputError: the file is missing or damaged.
    """
    return read_csv(path, columns=COLUMNS)


def _leave_out_untested(images: "pd.DataFrame", held: Collection[str]) -> None:
    """Leave out classes without test images where others have some; a class of an earlier archive and ``held`` stay."""
    known: set[str] = set()
    for number in sorted(images["archive"].unique()):
        current = (images["archive"] == number) & (images["stated"] != "pred")
        tested = set(kept(images[images["archive"] <= number], "test")["label"])
        if tested:
            leave_out(images, current & ~images["label"].isin(tested | known) & ~images["path"].isin(held), "class")
        known |= set(kept(images[current], "train", "val", "test")["label"])


def _refuse_few(images: "pd.DataFrame", held: Collection[str]) -> None:
    """Raise an InputError if a class has too few images to be divided beside the paths ``held``, or none on a side."""
    classes = sorted(set(images.loc[images["left_out"] != "class", "label"]))
    stated = images.assign(split=images["stated"].mask(images["path"].isin(held), "test"))
    lacking = [set(classes) - set(kept(stated, name)["label"]) for name in ("test", "val")]
    have = units(images).loc[kept(stated, "train").index].groupby(stated["label"]).nunique().to_dict()
    need = {label: 1 + sum(label in labels for labels in lacking) for label in classes}
    refuse_too_few(have, need, _left_out_by_class(stated))
    _refuse_empty_classes(images, classes)


def _left_out_by_class(images: "pd.DataFrame") -> dict[str, str]:
    """Return, by class, how many training images are left out for which reason, in words."""
    gone = images[(images["split"] == "train") & (images["left_out"] != "")]
    counts = gone.groupby(["label", "left_out"]).size()
    said: dict[str, list[str]] = {}
    for (label, reason), count in counts.items():
        said.setdefault(label, []).append(f"{count:,} left out: {REASONS[reason]}")
    return {label: "; ".join(reasons) for label, reasons in said.items()}


def _refuse_empty_classes(images: "pd.DataFrame", classes: list[str]) -> None:
    """Raise an InputError if a class has no image in train, val or test."""
    for name in ("train", "val", "test"):
        filled = set(kept(images, name)["label"])
        for label in classes:
            if label not in filled:
                raise InputError(
                    f"the class {show(label, 60)} has no images left for {name}, because they belong together with "
                    "those of another class, as duplicates or by their subject; add images, or leave the class out by "
                    "archive.layout.leave_out"
                )
