"""Plots of the audit: images per class, sizes, problems and duplicates."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from scenes.archive.layout import SPLITS, Archive
from scenes.dataset.audit_table import FATAL, NOTED, across_splits, conflicting, in_train_and_test, usable
from scenes.plots import contact_sheet, style
from scenes.plots.contact_sheet import Cell, Section, short
from scenes.plots.thumbnails import member_thumbnail

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Thumbnails = Callable[[str], Image.Image | None]  # from a member's path
_SPLIT_COLOURS = dict(zip(SPLITS, style.COLOURS, strict=False))

_COLUMNS = 8  # of the contact sheet
_THUMBNAIL_SIDE = 144  # pixels

_TITLES = {
    "not_an_image": "Not an image: left out",
    "corrupt": "Truncated or damaged: left out",
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
    """Return a figure with the number of usable images per class, a panel per split."""
    good = usable(audit)
    labels = sorted(set(good.loc[good["split"] != "pred", "label"]))
    figure = style.figure(10, 1.6 + 0.42 * len(labels), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, split in ((left, "train"), (right, "test")):
        counts = good.loc[good["split"] == split, "label"].value_counts().reindex(labels, fill_value=0)
        bars = axes.barh(labels, counts, color=_SPLIT_COLOURS[split], height=0.7)
        axes.bar_label(bars, [f"{count:,}" for count in counts], padding=3, fontsize=10)
        axes.set_title(f"{split}: {counts.sum():,} usable images")
        axes.margins(x=0.14)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    left.invert_yaxis()
    figure.supxlabel(f"unlabelled (pred): {(good['split'] == 'pred').sum():,} usable images", fontsize=10)
    return figure


def sizes(audit: "pd.DataFrame") -> "Figure":
    """Return a figure with the widths and heights of the images, and the sizes of their files."""
    good = usable(audit)
    figure = style.figure(10, 4.4, layout="constrained")
    left, right = figure.subplots(1, 2)

    counts = good.groupby(["width", "height"]).size().sort_values(ascending=False)
    width, height = (counts.index.get_level_values(name).to_numpy() for name in ("width", "height"))
    area = 18 * (1 + np.log2(counts.to_numpy()))
    left.scatter(width, height, s=area, color=style.COLOURS[0], alpha=0.6, linewidths=0)
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
    others = len(good) - int(counts.iloc[0])
    left.set_title(f"Pixels: {others:,} image{'s' * (others != 1)} of another size")
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
    right.legend(title="split")
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
