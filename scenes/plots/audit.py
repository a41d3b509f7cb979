"""Plots of the audit: images per class, sizes, problems and duplicates."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from scenes.audit.audit_table import FATAL, NOTED, across_splits, conflicting, in_train_and_test, usable
from scenes.layout.layout import SPLITS, Archive
from scenes.plots import contact_sheet, style
from scenes.plots.contact_sheet import Cell, Section
from scenes.plots.text import short
from scenes.plots.thumbnails import member_thumbnail

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Thumbnails = Callable[[str], Image.Image | None]  # from a member's path
_SPLIT_COLOURS = dict(zip(("train", "test", "pred", "val"), style.COLOURS, strict=False))
_SHOWN = 40  # classes with a bar at most; of more, the largest and the smallest

_COLUMNS = 8  # of the contact sheet
_THUMBNAIL_SIDE = 144  # pixels

_TITLES = {
    "web_page": "A web page, not an image: left out",
    "not_an_image": "Not an image: left out",
    "corrupt": "Truncated or damaged: left out",
    "damaged": "Damaged in part: decoded with a warning",
    "too_many_pixels": "Too many pixels: left out",
    "wrong_format": "Format differs from the file name: used",
    "odd_mode": "Not stored as 8-bit RGB: used",
    "odd_size": "Size differs from most images: used",
}


def plot(audit: "pd.DataFrame", archive: Archive, folder: str | Path, *, max_pixels: int) -> None:
    """Write ``class_balance.png``, ``sizes.png`` and ``findings.png`` into an existing folder."""
    folder = Path(folder)
    style.save(class_balance(audit), folder / "class_balance.png")
    style.save(sizes(audit), folder / "sizes.png")
    style.save(findings(audit, archive, max_pixels=max_pixels), folder / "findings.png")


def class_balance(audit: "pd.DataFrame") -> "Figure":
    """Return a figure with the number of usable images per class, a panel for each split that the archive has.

    Of more than 40 classes, those with the most and with the fewest images are shown.
    """
    good = usable(audit)
    labelled = good[good["split"] != "pred"]
    if labelled.empty:
        return _note("No image with a label could be decoded.")
    totals = labelled["label"].value_counts().sort_index()
    labels, places = _largest_and_smallest(totals)
    figure = style.figure(10, 1.6 + 0.42 * len(labels), layout="constrained")
    present = [split for split in SPLITS if (labelled["split"] == split).any()]
    panels = figure.subplots(1, len(present), sharey=True, squeeze=False)[0]
    for axes, split in zip(panels, present, strict=True):
        counts = labelled.loc[labelled["split"] == split, "label"].value_counts()
        bars = axes.barh(places, counts.reindex(labels, fill_value=0), color=_SPLIT_COLOURS[split], height=0.7)
        axes.bar_label(bars, [f"{bar.get_width():,.0f}" for bar in bars], padding=3, fontsize=10)
        axes.set_title(f"{split}: {counts.sum():,} usable images")
        axes.margins(x=0.14, y=min(0.05, 0.6 / len(labels)))
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(places, [short(label, 36) for label in labels])
    panels[0].invert_yaxis()
    below = f"unlabelled (pred): {(good['split'] == 'pred').sum():,} usable images"
    if len(labels) < len(totals):
        half = len(labels) // 2
        below = (
            f"the {half} largest and the {half} smallest of {len(totals):,} classes; their median has "
            f"{totals.median():,.0f} images; {below}"
        )
    figure.supxlabel(below, fontsize=10)
    return figure


def _largest_and_smallest(totals: "pd.Series") -> tuple[list[str], list[float]]:
    """Return the classes to show and the height of each bar: all by name, or the largest ones and the smallest ones.

    Args:
        totals: images by class, sorted by class.
    """
    if len(totals) <= _SHOWN:
        return list(totals.index), list(map(float, range(len(totals))))
    half = _SHOWN // 2
    order = totals.sort_values(ascending=False, kind="stable").index
    return [*order[:half], *order[-half:]], [*map(float, range(half)), *(place + 0.8 for place in range(half, _SHOWN))]


def _note(message: str) -> "Figure":
    """Return a figure that holds nothing but a sentence."""
    figure = style.figure(10, 1.6)
    figure.text(0.5, 0.5, message, ha="center", va="center")
    return figure


def sizes(audit: "pd.DataFrame") -> "Figure":
    """Return a figure with the widths and heights of the images, and the sizes of their files."""
    good = usable(audit)
    if good.empty:
        return _note("No image could be decoded.")
    figure = style.figure(10, 4.4, layout="constrained")
    left, right = figure.subplots(1, 2)

    counts = good.groupby(["width", "height"]).size().sort_values(ascending=False)
    width, height = (counts.index.get_level_values(name).to_numpy() for name in ("width", "height"))
    # The more sizes there are, the smaller they are drawn, so that they do not hide one another.
    area = 18 * (1 + np.log2(counts.to_numpy())) * min(1, 500 / len(counts))
    left.scatter(width, height, s=area, color=style.COLOURS[0], alpha=0.6, linewidths=0)
    others = len(good) - int(counts.iloc[0])
    if others < len(good) / 2:
        usual = counts.index[0]
        left.annotate(
            f"{usual[0]} x {usual[1]}: {counts.iloc[0]:,} images",
            usual,
            xytext=(0.98, 0.98),
            textcoords="axes fraction",
            ha="right",
            va="top",
            arrowprops={"arrowstyle": "-", "color": style.FAINT, "shrinkB": 6},
        )
        left.set_title(f"Pixels: {others:,} image{'s' * (others != 1)} of another size")
    else:
        left.set_title(f"Pixels: {len(counts):,} sizes, none of them usual")
    limit = max(width.max(), height.max()) * 1.25
    left.set(xlabel="width (pixels)", ylabel="height (pixels)", xlim=(0, limit), ylim=(0, limit))
    left.set_aspect("equal")

    kilobytes = good["bytes"].to_numpy() / 1000
    # The few largest files would squeeze all others into one bar.
    last = float(np.quantile(kilobytes, 0.995)) or 1.0
    bins = np.linspace(0, last, 41)
    by_split = {split: kilobytes[good["split"] == split] for split in _SPLIT_COLOURS}
    by_split = {split: values for split, values in by_split.items() if len(values)}
    right.hist(
        [values[values <= last] for values in by_split.values()],
        bins,
        stacked=True,
        color=[_SPLIT_COLOURS[split] for split in by_split],
        label=list(by_split),
    )
    beyond = int((kilobytes > last).sum())
    right.set_title("Files" + (f" ({beyond:,} more are larger)" if beyond else ""))
    right.set(xlabel="size of the file (kB)", ylabel="images", xlim=(0, last))
    right.legend(title="split", frameon=True, edgecolor="none")
    return figure


def findings(audit: "pd.DataFrame", archive: Archive, *, max_pixels: int) -> "Figure":
    """Return a contact sheet: examples of each problem, and pairs of duplicates across splits or labels.

    There is at most one row of each kind; its title gives the total.
    """

    def thumbnails(path: str) -> Image.Image | None:
        return member_thumbnail(archive, path, side=_THUMBNAIL_SIDE, max_pixels=max_pixels)

    sections = list(_sections(audit, thumbnails))
    figure = contact_sheet.figure(sections, columns=_COLUMNS)
    if not sections:
        figure.text(
            0.5, 0.5, "No problems and no duplicates across splits or labels were found.", ha="center", va="center"
        )
    return figure


def _sections(audit: "pd.DataFrame", thumbnails: Thumbnails) -> Iterator[Section]:
    """Yield a section for each kind of finding that occurs."""
    for word in (*FATAL, *NOTED):
        affected = audit[audit["problem"] == word]
        if len(affected):
            # One of each mode and size first: a 16-bit image must not hide behind a hundred grey ones.
            turn = affected.groupby(["mode", "width", "height"]).cumcount()
            examples = affected.assign(turn=turn).sort_values(["turn", "path"]).head(_COLUMNS).itertuples(index=False)
            cells = [Cell(thumbnails(row.path), f"{_name(row)}\n{_facts(row)}") for row in examples]
            yield Section(f"{_TITLES[word]} ({len(affected):,})", cells)
    good = usable(audit).sort_values("path")
    same = good[across_splits(good, "pixel_sha256")]
    near = good[across_splits(good, "group") & ~good["group"].isin(same["group"])]
    labelled = good[good["split"] != "pred"]
    disputed = labelled[conflicting(labelled, "group")]
    yield from _pairs("Identical pixels in several splits", same, "pixel_sha256", "split", "=", thumbnails)
    yield from _pairs("Near duplicates in several splits", near, "group", "split", "≈", thumbnails)
    yield from _pairs("Exact or near duplicates with different labels", disputed, "group", "label", "≠", thumbnails)


def _pairs(
    title: str, duplicates: "pd.DataFrame", key: str, differing: str, join: str, thumbnails: Thumbnails
) -> Iterator[Section]:
    """Yield one row of pairs, if there are any duplicates.

    Args:
        duplicates: rows of the audit that share a ``key`` with another row.
        differing: the column, split or label, in which the two images of a pair differ.
        join: the sign between them.
    """
    if not len(duplicates):
        return
    # Duplicates in both train and test matter most, so they come first; within a group, train comes before test.
    later, place = ~in_train_and_test(duplicates, key), duplicates["split"].map(SPLITS.index)
    order = duplicates.assign(later=later, place=place).sort_values(["later", "place", "path"])
    cells = []
    for _, members in islice(order.groupby(key, sort=False), _COLUMNS // 2):
        first, second = members.drop_duplicates(differing).head(2).itertuples(index=False)
        cells += [Cell(thumbnails(first.path), _name(first), join), Cell(thumbnails(second.path), _name(second))]
    groups = duplicates[key].nunique()
    yield Section(f"{title} ({groups:,} group{'s' * (groups != 1)})", cells)


def _name(row: Any) -> str:
    return f"{short(f'{row.split} {row.label}'.strip())}\n{short(row.path.rpartition('/')[2])}"


def _facts(row: Any) -> str:
    return f"{row.width} x {row.height} {row.mode}" if row.width else f"{row.bytes:,} bytes"
