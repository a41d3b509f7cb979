"""The split of the audited images into training, validation, test and unlabelled ones."""

from typing import TYPE_CHECKING

from scenes.common.errors import InputError
from scenes.common.hash_order import hash_rank
from scenes.common.tables import read_csv, write_csv
from scenes.dataset.audit_table import usable

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

COLUMNS = ("path", "split", "label", "group")


def split(
    audit: "pd.DataFrame",
    *,
    val_fraction: float,
    seed: int,
    drop_train_duplicates_of_test: bool,
    drop_conflicting_duplicates: bool,
) -> "pd.DataFrame":
    """Return the table ``path,split,label,group``, all text, sorted by path. Images that are left out have no row.

    The test and unlabelled images are those of the archive, without the ones that cannot be decoded. The training
    images are divided into ``train`` and ``val``: per class, the groups of duplicates are ordered by a hash of seed and
    group, and whole groups go to ``val`` until it has its share of the images. So one image more or less moves few
    others, and the order of the rows does not matter.

    Args:
        audit: the table of ``scenes.dataset.audit_table``.
        val_fraction: share of the training images of each class that go to validation, between 0 and 1; at least one
            image, and at most one group more than the share.
        seed: a different seed gives a different validation set.
        drop_train_duplicates_of_test: leave out training images that share a group with a test image.
        drop_conflicting_duplicates: leave out training images whose file or pixels also occur in the training images
            under another label. The labels of test images have no effect.

    Raises:
        InputError: a class has no training, validation or test images left.
    """
    import pandas as pd

    images = usable(audit)
    training = images[images["split"] == "train"]
    test = images[images["split"] == "test"]
    if drop_conflicting_duplicates:
        training = training[~(_conflicting(training, "sha256") | _conflicting(training, "pixel_sha256"))]
    if drop_train_duplicates_of_test:
        training = training[~training["group"].isin(test["group"])]
    validation = _validation_groups(training, val_fraction, seed)
    training = training.assign(split=training["group"].isin(validation).map({True: "val", False: "train"}))
    table = pd.concat([training, test, images[images["split"] == "pred"]])[list(COLUMNS)]
    _refuse_empty_classes(table, audit)
    return table.sort_values("path", ignore_index=True)


def write(table: "pd.DataFrame", path: "str | Path") -> None:
    """Write the split as CSV."""
    write_csv(path, table[list(COLUMNS)])


def read(path: "str | Path") -> "pd.DataFrame":
    """Read the split, all columns as text."""
    return read_csv(path)


def _conflicting(images: "pd.DataFrame", key: str) -> "pd.Series":
    """Return, per image, whether another one with the same ``key`` has another label."""
    return images.groupby(key)["label"].transform("nunique") > 1


def _validation_groups(training: "pd.DataFrame", fraction: float, seed: int) -> set[str]:
    """Return the groups that go to validation. A group with several labels counts for the most frequent one."""
    counts = training.groupby(["group", "label"]).size().rename("images").reset_index()
    main = counts.sort_values(["images", "label"], ascending=[False, True]).drop_duplicates("group").set_index("group")
    sizes = training.groupby("group").size()
    validation: set[str] = set()
    for _, members in main.groupby("label"):
        order = sorted(members.index, key=lambda group: hash_rank(seed, group))
        target = max(1, round(fraction * int(sizes[order].sum())))
        count = 0
        # The last group always stays in train; a class with only one group is refused later.
        for group in order[:-1]:
            if count >= target:
                break
            validation.add(group)
            count += int(sizes[group])
    return validation


def _refuse_empty_classes(table: "pd.DataFrame", audit: "pd.DataFrame") -> None:
    """Raise an InputError if a class of the archive has no image in train, val or test."""
    filled = set(zip(table["split"], table["label"], strict=True))
    classes = sorted(set(audit.loc[audit["split"] != "pred", "label"]))
    for label in classes:
        for name, remedy in (
            ("train", "add images, or keep duplicates by the parameters in split"),
            ("val", "add images until two of them are not duplicates of each other"),
            ("test", "add images that can be decoded"),
        ):
            if (name, label) not in filled:
                raise InputError(f"the class {label!r} has no images left for {name}; {remedy}")
