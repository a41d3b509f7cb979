"""Images held out of the training images: for each class its share, in whole units.

A unit is what must not be on two sides of a split: images joined by duplicates (the column ``group``) and by what they
belong to (``subject``: a patient, a video), in chains.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from scenes.common.errors import InputError
from scenes.common.hash_order import hash_rank
from scenes.common.words import shortened, show

if TYPE_CHECKING:
    import pandas as pd

# A unit may exceed a share by this part of it: small groups are taken in their order, large ones only where they fit.
_TOLERANCE = 0.1


def units(images: "pd.DataFrame") -> "pd.Series":
    """Return the name of each image's unit, on the index of ``images``.

    The name is that of the unit's first subject by name, or the group where no image has a subject: it does not depend
    on the order of the rows, and an image more of the same subject does not change it.

    Args:
        images: rows of the audit, with ``group`` and ``subject``.
    """
    import pandas as pd
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    group, groups = pd.factorize(images["group"])
    known = (images["subject"] != "").to_numpy()
    subject, subjects = pd.factorize(images.loc[known, "subject"])
    if not len(subjects):
        return images["group"].rename("unit")
    # A graph of groups and subjects, in which an image is the edge between its group and its subject.
    nodes = len(groups) + len(subjects)
    edges = (np.ones(len(subject), bool), (group[known], len(groups) + subject))
    _, component = connected_components(coo_array(edges, shape=(nodes, nodes)), directed=False)
    names = pd.Series([f"subject {name}" for name in subjects]).groupby(component[len(groups) :]).min()
    unit = pd.Series(component[group], images.index, name="unit").map(names)
    return unit.fillna(images["group"])


def hold_out(
    images: "pd.DataFrame",
    fraction: float,
    classes: Collection[str],
    *,
    seed: int,
    keep: Mapping[str, int],
    given: Collection[str] = (),
) -> set[str]:
    """Return the units to hold out.

    The units are taken in the order of a hash of seed and name until each class has its share; so one image more or
    less moves few others. A unit that would exceed a share by more than a tenth is passed over. Where the others do not
    fill a share, the units that bring the classes nearest to theirs are added; each class gives at least one.

    A group of duplicates under several labels counts for the most frequent one.

    Args:
        images: the images to choose from, with ``unit``, ``group`` and ``label``.
        fraction: share of the images of each class, between 0 and 1; at least one image of those not ``given``.
        classes: those that must give a share; images of other classes are held out only in units with these.
        seed: a different seed gives a different choice.
        keep: by class, the number of units that must remain.
        given: classes that have such images already, so that a small share may be none.
    """
    contents = _contents(images)
    order = sorted(contents, key=lambda unit: hash_rank(seed, unit))
    units_of: dict[str, list[str]] = {}
    for unit in order:
        for label in contents[unit]:
            units_of.setdefault(label, []).append(unit)
    remaining = {label: len(members) for label, members in units_of.items()}
    totals = {label: sum(contents[unit][label] for unit in members) for label, members in units_of.items()}
    least = {label: 0 if label in given else 1 for label in sorted(classes) if label in totals}
    shares = {label: max(number, round(fraction * totals[label])) for label, number in least.items()}
    missing = dict(shares)
    held: set[str] = set()

    def wanted(unit: str) -> dict[str, int]:
        return {label: count for label, count in contents[unit].items() if label in shares}

    def fits(unit: str) -> bool:
        return any(missing[label] > 0 for label in wanted(unit)) and all(
            count - missing[label] <= max(1, _TOLERANCE * shares[label]) for label, count in wanted(unit).items()
        )

    def farther(unit: str) -> int:
        """Return by how many images the classes would be farther from their shares."""
        return sum(abs(missing[label] - count) - abs(missing[label]) for label, count in wanted(unit).items())

    def can_go(unit: str) -> bool:
        return unit not in held and all(remaining[label] > keep[label] for label in contents[unit])

    def take(unit: str) -> None:
        held.add(unit)
        for label, count in contents[unit].items():
            remaining[label] -= 1
            if label in missing:
                missing[label] -= count

    for unit in order:
        if fits(unit) and can_go(unit):
            take(unit)
    for label, share in shares.items():
        while missing[label] > 0:
            nearest = min(filter(can_go, units_of[label]), key=farther, default=None)
            if nearest is None or (farther(nearest) >= 0 and missing[label] < share):
                break
            take(nearest)
    return held


def refuse_too_few(have: Mapping[str, int], need: Mapping[str, int], left_out: Mapping[str, str] | None = None) -> None:
    """Refuse classes with fewer units in the training images than are needed.

    Args:
        have, need: units by class.
        left_out: by class, what was left out and why, in words.

    Raises:
        InputError: it names the classes, what they have and what they need.
    """
    few = [label for label in sorted(need) if have.get(label, 0) < need[label]]
    if not few:
        return
    reasons = {label: f" ({reason})" for label, reason in (left_out or {}).items()}
    said = (
        f"{show(label, 60)} has {have.get(label, 0)} and needs {need[label]}{reasons.get(label, '')}" for label in few
    )
    raise InputError(
        "too few images for train, val and test, where duplicates and images of one subject count once: "
        f"{shortened(said)}; add images, or leave the class out by archive.layout.leave_out"
    )


def _contents(images: "pd.DataFrame") -> dict[str, dict[str, int]]:
    """Return the number of images by unit and class."""
    counts = images.groupby(["group", "label"]).size().rename("images").reset_index()
    first = counts.sort_values(["images", "label"], ascending=[False, True]).drop_duplicates("group")
    label = images["group"].map(first.set_index("group")["label"])
    contents: dict[str, dict[str, int]] = {}
    for (unit, name), count in images.groupby(["unit", label]).size().items():
        contents.setdefault(unit, {})[name] = int(count)
    return contents
