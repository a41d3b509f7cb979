"""Images left out and held out archive by archive: an archive's choice does not depend on later ones.

A later archive leaves out images of earlier ones that it shares a unit with or whose labels it contradicts, and moves
none. Its own training images go where an earlier archive holds out what belongs together with them.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from scenes.audit.audit_table import LEARN, conflicting
from scenes.dataset.hold_out import hold_out, units

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# By split, the sides that must not share a unit with its images.
_SIDES = {"test": ("train", "val"), "val": ("train",)}


def hold_out_by_archive(
    images: "pd.DataFrame",
    fractions: Mapping[str, float],
    *,
    seed: int,
    drop_train_duplicates_of_test: bool,
    drop_conflicting_duplicates: bool,
    test: Collection[str] | None,
) -> dict[str, dict[str, tuple[int, int]]]:
    """Leave out what must not be used together, and hold out what an archive and those before it lack, in ``images``.

    A class that is in an earlier archive needs no image in each split from a later one, however small its share is.

    Args:
        images: the rows of the audit, with ``stated`` (its ``split``) and ``left_out`` ('' for those that are used);
            ``split`` and ``left_out`` are changed.
        fractions: the shares of ``test``, then ``val``.
        seed, drop_train_duplicates_of_test, drop_conflicting_duplicates, test: see :func:`scenes.dataset.split.split`.

    Returns:
        ``held_out`` of :class:`scenes.dataset.split.Split`.
    """
    learn = kept(images, *LEARN)
    for number in sorted(images["archive"].unique()):
        seen = _until(images, number)
        new = (seen["archive"] == number) & (seen["stated"] == "train")
        if drop_conflicting_duplicates:
            known = learn[learn["archive"] <= number]
            disputed = conflicting(known, "sha256") | conflicting(known, "pixel_sha256")
            leave_out(seen, seen.index.isin(known.index[disputed]), "conflict")
        if test is not None:
            seen.loc[new & seen["path"].isin(test), "split"] = "test"
        for name, sides in _SIDES.items():
            if name == "val" or test is None:
                held = kept(seen[seen["stated"] == "train"], name)["unit"]
                follow = kept(seen[new & seen["unit"].isin(held)], "train")
                seen.loc[follow.index, "split"] = name
            others = kept(seen, name)
            if name == "test" and not drop_train_duplicates_of_test:
                others = others[others["stated"] == "train"]
            for column, reason in (("group", name), ("unit", f"{name}_subject")):
                leave_out(seen, seen[column].isin(others[column]) & seen["split"].isin(sides), reason)
        _hold_out(seen, number, fractions, seed, choose_test=test is None)
        images.loc[seen.index, ["split", "left_out"]] = seen[["split", "left_out"]]
    return _counts(images, fractions)


def kept(images: "pd.DataFrame", *splits: str) -> "pd.DataFrame":
    """Return the rows of these splits that are not left out."""
    return images[images["split"].isin(splits) & (images["left_out"] == "")]


def leave_out(images: "pd.DataFrame", where: "pd.Series | np.ndarray", reason: str) -> None:
    """Write the reason into ``images``, except where there is one already."""
    images.loc[where & (images["left_out"] == ""), "left_out"] = reason


def _until(images: "pd.DataFrame", number: int) -> "pd.DataFrame":
    """Return the labelled images up to an archive, with groups and units named as if there were no later one."""
    rows = images[images["archive"] <= number]
    shared = rows["group"].isin(images.loc[images["archive"] > number, "group"])
    hashes = rows["sha256"].where(rows["sha256"] != "", rows["group"])
    group = rows["group"].mask(shared, hashes.groupby(rows["group"]).transform("min").str[:16])
    labelled = rows.assign(group=group)[rows["stated"] != "pred"]
    return labelled.assign(unit=units(labelled))


def _hold_out(
    seen: "pd.DataFrame", number: int, fractions: Mapping[str, float], seed: int, *, choose_test: bool
) -> None:
    """Hold out training images of the archive ``number``, in ``seen``."""
    rows = seen[seen["left_out"] == ""]
    before, current = rows[rows["archive"] < number], rows[rows["archive"] == number]
    labels = set(current.loc[current["stated"] == "train", "label"])
    lacking = {name: labels - set(rows.loc[rows["stated"] == name, "label"]) for name in fractions}
    given = {name: set(rows.loc[rows["split"] == name, "label"]) for name in fractions}
    trained = set(kept(before, "train")["label"])
    free = kept(current[~current["unit"].isin(before["unit"])], "train")
    for name in fractions if choose_test else ["val"]:
        keep = {label: int(label not in trained) for label in labels}
        if name == "test":
            keep |= {label: keep[label] + 1 for label in lacking["val"] - given["val"]}
        held = hold_out(free, fractions[name], lacking[name], seed=seed, keep=keep, given=given[name])
        seen.loc[free.index[free["unit"].isin(held)], "split"] = name
        free = free[~free["unit"].isin(held)]


def _counts(images: "pd.DataFrame", names: Collection[str]) -> dict[str, dict[str, tuple[int, int]]]:
    """Return by split and class how many images are held out, of those in archives before the first that states any."""
    result = {}
    used = images[images["left_out"] == ""]
    training = used[used["stated"] == "train"]
    for name in names:
        first = training["label"].map(used[used["stated"] == name].groupby("label")["archive"].min())
        sides = training[~(first <= training["archive"])].groupby("label")["split"]
        result[name] = {label: (int((each == name).sum()), len(each)) for label, each in sides}
        training = training[training["split"] != name]
    return result
