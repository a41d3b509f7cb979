"""The split of the audited images into training, validation, test and unlabelled ones."""

from typing import TYPE_CHECKING, Any, NamedTuple

from scenes.audit.audit_table import conflicting, usable
from scenes.common.errors import InputError
from scenes.common.tables import read_csv, write_csv
from scenes.common.words import show
from scenes.dataset import corrections
from scenes.dataset.hold_out import hold_out, refuse_too_few, units

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
        relabelled: how many images of train and val, or left out of these, have another label than in the archive.
        test_corrections: how many test images have a correction, which the split does not apply.
    """

    table: "pd.DataFrame"
    left_out: dict[str, str]
    held_out: dict[str, dict[str, tuple[int, int]]]
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
) -> Split:
    """Divide the images, without those that must not be used.

    The archive's own validation, test and unlabelled images stay what they are. A class without images for test, then
    for validation, gets its share from the training images, in whole units and by a hash, see
    ``scenes.dataset.hold_out``: one image more or less moves few others, and the order of the rows does not matter.

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

    Raises:
        InputError: a class has too few images.
    """
    import pandas as pd

    images = audit[audit["split"] != "pred"].sort_values("path", ignore_index=True)
    images = images.assign(unit=units(images), left_out="")
    _leave_out(images, ~images.index.isin(usable(images).index), "unusable")
    if drop_damaged:
        _leave_out(images, images["problem"] == "damaged", "damaged")
    tested = set(_kept(images, "test")["label"])
    if tested and without_test == "drop":
        _leave_out(images, ~images["label"].isin(tested), "class")
    learn = _kept(images, "train", "val")
    if drop_conflicting_duplicates:
        disputed = conflicting(learn, "sha256") | conflicting(learn, "pixel_sha256")
        _leave_out(images, images.index.isin(learn.index[disputed]), "conflict")
    if drop_train_duplicates_of_test:
        _leave_out_shared(images, "test", ("train", "val"))
    _leave_out_shared(images, "val", ("train",))

    held_out = _hold_out(images, {"test": test_fraction, "val": val_fraction}, seed)
    unlabelled = usable(audit[audit["split"] == "pred"])
    table = pd.concat([_kept(images, "train", "val", "test"), unlabelled])[list(COLUMNS)]
    gone = images[images["left_out"] != ""]
    return Split(
        table.sort_values("path", ignore_index=True),
        dict(zip(gone["path"], gone["left_out"], strict=True)),
        held_out,
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
    tested = final_splits(audit, plain.table[plain.table["split"] == "test"])
    is_test = tested["split"] == "test"
    unit = units(tested[tested["split"] != "pred"]).reindex(tested.index)
    stay_out = tested[~is_test & unit.isin(unit[is_test & (audit["split"] != "test")])]
    of_test = corrected["path"].isin(tested.loc[is_test, "path"])
    to_correct = tested.drop(stay_out.index)
    applied = corrections.apply(to_correct, corrected[~of_test])
    try:
        found = split(applied, **options)
    except InputError as error:  # not without the corrections
        raise InputError(f"with the labels that corrections/<profile>.csv corrects or drops: {error}") from None
    left_out = {path: plain.left_out[path] for path in stay_out["path"]}
    left_out |= dict.fromkeys(to_correct["path"].drop(applied.index), "dropped")
    return found._replace(
        left_out=found.left_out | left_out,
        held_out={**found.held_out, "test": plain.held_out["test"]},
        relabelled=int((applied["label"] != audit.loc[applied.index, "label"]).sum()),
        test_corrections=int(of_test.sum()),
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


def _kept(images: "pd.DataFrame", *splits: str) -> "pd.DataFrame":
    return images[images["split"].isin(splits) & (images["left_out"] == "")]


def _leave_out(images: "pd.DataFrame", where: "pd.Series", reason: str) -> None:
    """Write the reason into ``images``, except where there is one already."""
    images.loc[where & (images["left_out"] == ""), "left_out"] = reason


def _leave_out_shared(images: "pd.DataFrame", name: str, sides: tuple[str, ...]) -> None:
    """Leave out what these sides have in common with the images of the split ``name``."""
    others = _kept(images, name)
    for column, reason in (("group", name), ("unit", f"{name}_subject")):
        _leave_out(images, images[column].isin(others[column]) & images["split"].isin(sides), reason)


def _hold_out(images: "pd.DataFrame", fractions: dict[str, float], seed: int) -> dict[str, dict[str, tuple[int, int]]]:
    """Move units from train to the splits that lack a class, in ``images``; return ``held_out`` of :class:`Split`."""
    classes = sorted(set(images.loc[images["left_out"] != "class", "label"]))
    lacking = {name: set(classes) - set(_kept(images, name)["label"]) for name in fractions}
    training = _kept(images, "train")
    have = training.groupby("label")["unit"].nunique().to_dict()
    need = {label: 1 + sum(label in labels for labels in lacking.values()) for label in classes}
    refuse_too_few(have, need, _left_out_by_class(images))
    held_out: dict[str, dict[str, tuple[int, int]]] = {}
    for name, fraction in fractions.items():
        training = _kept(images, "train")
        need = {label: count - (label in lacking[name]) for label, count in need.items()}
        held = hold_out(training, fraction, lacking[name], seed=seed, keep=need)
        moved = training[training["unit"].isin(held)]
        images.loc[moved.index, "split"] = name
        before, after = (rows["label"].value_counts().to_dict() for rows in (training, moved))
        held_out[name] = {label: (after.get(label, 0), before[label]) for label in sorted(lacking[name])}
    _refuse_empty_classes(images, classes)
    return held_out


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
        filled = set(_kept(images, name)["label"])
        for label in classes:
            if label not in filled:
                raise InputError(
                    f"the class {show(label, 60)} has no images left for {name}, because they belong together with "
                    "those of another class, as duplicates or by their subject; add images, or leave the class out by "
                    "archive.layout.leave_out"
                )
