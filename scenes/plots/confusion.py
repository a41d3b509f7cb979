"""The plot of the confusion matrix."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.evaluation.metrics import confusion_matrix
from scenes.plots import style
from scenes.plots.text import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ANNOTATED = 12  # classes at most with a number in each cell
_NAMED = 60  # classes at most that are all named; of more, about 50 are
_LISTED = 24  # confusions at most
_NAME = 30  # Latin letters of a name, at most


def plot(path: str | Path, labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str], *, title: str) -> None:
    """Write a heat map with a row per true class, coloured by its shares; the diagonal shows recall.

    With more than 12 classes the cells have no numbers; a list beside the map has the most frequent confusions instead.

    Args:
        path: of the PNG.
        labels, predicted: int (n,), indices into ``classes``.
    """
    import seaborn as sns

    counts = confusion_matrix(labels, predicted, len(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    annotated = len(classes) <= _ANNOTATED
    names = [short(name, _NAME) for name in classes]
    if annotated:
        beside = 0.085 * max(max(map(len, names)) - 10, 0)  # inches for the longest name
        side = max(1.6 + 0.95 * len(classes), 5.0) + beside  # the title needs 5
        figure = style.figure(side + 1, side, layout="constrained")
        axes = figure.add_subplot()
    else:
        figure = style.figure(16, 11.5, layout="constrained")
        axes, beside_it = figure.subplots(1, 2, width_ratios=(12, 5))
    # Seaborn draws the figure once, to see whether the names overlap. The layout comes after that.
    figure.set_layout_engine("none")
    sns.heatmap(
        shares,
        annot=_texts(shares, counts) if annotated else None,
        fmt="",
        vmin=0,
        vmax=1,
        cmap=style.SEQUENTIAL,
        square=annotated,
        linewidths=0.5 if annotated else 0,
        xticklabels=names if annotated else False,
        yticklabels=names if annotated else False,
        cbar_kws={"label": "share of the true class"},
        ax=axes,
    )
    figure.set_layout_engine("constrained")
    axes.set(xlabel="predicted", ylabel="true")
    heading = f"{title}: accuracy {np.trace(counts) / counts.sum():.1%}"
    if annotated:
        axes.set_title(f"{heading}\nrecall and counts of {counts.sum():,} test images")
        axes.tick_params(axis="x", rotation=45)
        axes.tick_params(axis="y", rotation=0)
    else:
        axes.set_title(f"{heading}\nrecall of {len(classes):,} classes on {counts.sum():,} test images")
        _name_some(axes, names)
        _list_confusions(beside_it, counts, classes)
    style.save(figure, path)


def _texts(shares: np.ndarray, counts: np.ndarray) -> list[list[str]]:
    rows = zip(shares, counts, strict=True)
    return [[f"{share:.1%}\n{count}" for share, count in zip(*row, strict=True)] for row in rows]


def most_frequent_confusions(counts: np.ndarray, limit: int) -> list[tuple[int, int]]:
    """Return the (true, predicted) class indices with the most errors, most first; ties in the order of the classes.

    Args:
        counts: int (k, k), rows are true classes.
        limit: of the number of pairs; pairs without errors are left out.
    """
    errors = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    order = np.argsort(-errors, axis=None, kind="stable")[:limit]
    pairs = (np.unravel_index(index, errors.shape) for index in order if errors.flat[index])
    return [(int(true), int(predicted)) for true, predicted in pairs]


def _name_some(axes: "Axes", names: Sequence[str]) -> None:
    """Write the names beside the rows and columns, or every third one, say, if there are too many."""
    step = 1 if len(names) <= _NAMED else -(-len(names) // 50)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(np.arange(0, len(names), step) + 0.5, names[::step], fontsize=8)
    axes.tick_params(axis="x", rotation=90)


def _list_confusions(axes: "Axes", counts: np.ndarray, classes: Sequence[str]) -> None:
    """Write the most frequent confusions as text."""
    axes.set_axis_off()
    pairs = most_frequent_confusions(counts, _LISTED)
    axes.set_title("Most frequent confusions\nimages, true → predicted" if pairs else "No confusions")
    for row, (true, predicted) in enumerate(pairs):
        height = 1 - (row + 0.5) / _LISTED
        options: Any = {"transform": axes.transAxes, "va": "center", "fontsize": 9, "in_layout": False}
        axes.text(0.24, height, f"{counts[true, predicted]:,} of {counts[true].sum():,}", ha="right", **options)
        axes.text(0.34, height, f"{short(classes[true], 26)}\n{short(classes[predicted], 26)}", ha="left", **options)
        # On its own: within a name in Arabic or Hebrew it would move to the other side.
        axes.text(0.32, height - 0.2 / _LISTED, "→", ha="right", **options)
