"""What a split did, in words: how many images each side has, what was held out and what was left out."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from scenes.common.archives import archive_name
from scenes.common.words import count, listed, shortened, show
from scenes.dataset.split import REASONS, Split

if TYPE_CHECKING:
    import pandas as pd

_COARSE = 0.25  # a share that differs by more than this part of itself is printed
_SETS = {"test": "test", "val": "validation"}


def format_summary(audit: "pd.DataFrame", result: Split, fractions: Mapping[str, float]) -> str:
    """Return the lines that the stage prints.

    Args:
        audit: the table that was split.
        result: what became of it.
        fractions: the shares asked for, by split.
    """
    sizes = result.table["split"].value_counts()
    counts = ", ".join(f"{name} {sizes.get(name, 0):,}" for name in ("train", "val", "test", "pred"))
    lines = [f"split: {counts}; {len(audit) - len(result.table):,} of {len(audit):,} images left out"]
    if audit["archive"].max() > 1:
        lines += _archives(audit, result)
    for name, held in result.held_out.items():
        if held:
            lines += [_held_out(audit, name, held), *_coarse(name, held, fractions[name])]
    subjects = audit.loc[audit["subject"] != "", "subject"].nunique()
    if subjects:
        lines.append(f"{count(subjects, 'subject')}, each on one side")
    if result.relabelled:
        lines.append(f"{count(result.relabelled, 'image')} relabelled by corrections")
    if result.test_corrections:
        lines.append(f"{count(result.test_corrections, 'correction')} of test images: scored apart, by `evaluate`")
    return "\n".join([*lines, *_left_out(audit, result)])


def _archives(audit: "pd.DataFrame", result: Split) -> list[str]:
    """Return what became of the images of each of several archives."""
    archive = result.table["path"].map(audit.set_index("path")["archive"])
    lines = ["each archive gives its own share:"]
    for number, rows in result.table.groupby(archive):
        sizes = rows["split"].value_counts()
        counts = ", ".join(f"{name} {sizes.get(name, 0):,}" for name in ("train", "val", "test", "pred"))
        lines.append(f"  {archive_name(number)}: {counts}")
    return lines


def _held_out(audit: "pd.DataFrame", name: str, held: Mapping[str, tuple[int, int]]) -> str:
    line = f"{name}: {count(sum(images for images, _ in held.values()), 'image')} held out of train"
    if audit["archive"].max() > 1:
        where = f"where neither its archive nor one before has {_SETS[name]} images of a class"
        return f"{line}, {where}: {listed(list(held), 5)}"
    if not (audit["split"] == name).any():
        return f"{line}: the archive has no {_SETS[name]} set"
    return f"{line}: the archive's {_SETS[name]} set has no usable image of {listed(list(held), 5)}"


def _coarse(name: str, held: Mapping[str, tuple[int, int]], fraction: float) -> list[str]:
    """Return a line if a class is far from its share, because large parts of it belong together."""
    off = []
    for label, (images, total) in held.items():
        wanted = max(1, round(fraction * total))
        if abs(images - wanted) > max(1, _COARSE * wanted):
            off.append(f"{show(label, 60)} gives {images:,} of {total:,} images instead of {wanted:,}")
    return [f"{name}: large groups of duplicates or of one subject stay whole: {shortened(off)}"] if off else []


def _left_out(audit: "pd.DataFrame", result: Split) -> list[str]:
    counts = Counter(result.left_out.values())
    counts["unusable"] = len(audit) - len(result.table) - counts.total() + counts["unusable"]  # with unlabelled ones
    dropped = audit.loc[audit["path"].map(result.left_out) == "class", "label"].unique()
    names = {"class": f": {listed(sorted(dropped), 5)}"} if len(dropped) else {}
    return [f"{counts[key]:,} left out: {why}{names.get(key, '')}" for key, why in REASONS.items() if counts[key]]
