"""Who learns, who is asked: training, validation, test and unlabelled images, from the audit."""

import hashlib
from typing import TYPE_CHECKING

from scenes.common.errors import InputError
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
    """Return the table ``path,split,label,group``, all text, sorted by path; what is left out has no row.

    The test set stays the archive's own, but for images that cannot be decoded, and so do the unlabelled images. What
    remains of the training images is divided into ``train`` and ``val``: per class, the groups of duplicates are
    ordered by a hash of seed and name, and whole groups go to ``val`` until it has its fraction of the class's images.
    So one image more or less moves little else, and the order of the rows moves nothing.

    Args:
        audit: the table of ``scenes.dataset.audit_table``.
        val_fraction: share of each class's training images that go to validation, between 0 and 1; at least one
            image, and up to one group more than the share.
        seed: another seed, another validation set.
        drop_train_duplicates_of_test: leave out training images that share a group with a test image.
        drop_conflicting_duplicates: leave out training images whose file or pixels also stand in the training images
            under another label. The labels of the test set have no say in what is learnt.

    Raises:
        InputError: a class is left without training or without validation images.
    """
    import pandas as pd

    images = usable(audit)
    learn = images[images["split"] == "train"]
    test = images[images["split"] == "test"]
    if drop_conflicting_duplicates:
        learn = learn[~(_disputed(learn, "sha256") | _disputed(learn, "pixel_sha256"))]
    if drop_train_duplicates_of_test:
        learn = learn[~learn["group"].isin(test["group"])]
    validation = _validation_groups(learn, val_fraction, seed)
    learn = learn.assign(split=learn["group"].isin(validation).map({True: "val", False: "train"}))
    table = pd.concat([learn, test, images[images["split"] == "pred"]])[list(COLUMNS)]
    _refuse_empty_classes(table, audit)
    return table.sort_values("path", ignore_index=True)


def write(table: "pd.DataFrame", path: "str | Path") -> None:
    """Write the split as CSV, the same bytes for the same table."""
    table.to_csv(path, columns=list(COLUMNS), index=False, lineterminator="\n", encoding="utf-8")


def read(path: "str | Path") -> "pd.DataFrame":
    """Read the split, all columns as text: a class may be called NA or 007."""
    import pandas as pd

    return pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8")


def _disputed(images: "pd.DataFrame", key: str) -> "pd.Series":
    """Return, per image, whether another one with the same key carries another label."""
    return images.groupby(key)["label"].transform("nunique") > 1


def _validation_groups(learn: "pd.DataFrame", fraction: float, seed: int) -> set[str]:
    """Return the groups that go to validation. A group of several labels counts for its most frequent one."""
    counts = learn.groupby(["group", "label"]).size().rename("images").reset_index()
    main = counts.sort_values(["images", "label"], ascending=[False, True]).drop_duplicates("group").set_index("group")
    sizes = learn.groupby("group").size()
    chosen = set()
    for _, members in main.groupby("label"):
        order = sorted(members.index, key=lambda group: _rank(seed, group))
        wanted = max(1, round(fraction * int(sizes[order].sum())))
        taken = 0
        # The last group always stays in train: a class of one group has no validation images, and is refused.
        for group in order[:-1]:
            if taken >= wanted:
                break
            chosen.add(group)
            taken += int(sizes[group])
    return chosen


def _rank(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()


def _refuse_empty_classes(table: "pd.DataFrame", audit: "pd.DataFrame") -> None:
    filled = set(zip(table["split"], table["label"], strict=True))
    classes = sorted(set(audit.loc[audit["split"] != "pred", "label"]))
    for label in classes:
        for name, remedy in (
            ("train", "add images, or keep duplicates by the params in split"),
            ("val", "it needs two images that are no duplicates of one another"),
            ("test", "add images that can be decoded"),
        ):
            if (name, label) not in filled:
                raise InputError(f"the class {label!r} has no images left for {name}; {remedy}")
