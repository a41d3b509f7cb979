"""Reliability diagrams: is the model right as often as its confidence says?"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scenes.common.tables import write_csv
from scenes.evaluation import calibration
from scenes.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLUMNS = ("diagram", "lower", "upper", "count", "confidence", "accuracy")


def write(path: str | Path, diagrams: Mapping[str, "pd.DataFrame"]) -> None:
    """Write ``COLUMNS`` as CSV for DVC to plot: a row per bin, no empty ones.

    Args:
        diagrams: see :func:`plot`.
    """
    import pandas as pd

    parts = [bins[bins["count"] > 0].assign(diagram=name) for name, bins in diagrams.items()]
    write_csv(path, pd.concat(parts)[list(COLUMNS)])


def plot(path: str | Path, diagrams: Mapping[str, "pd.DataFrame"], *, title: str) -> None:
    """Write a panel per diagram: accuracy against confidence, and below it the share of images in each bin.

    On the diagonal, the accuracy of a bin equals its confidence; below it, the model is overconfident. The vertical
    lines are Wilson's 95 % intervals, which are wide for bins of few images.

    Args:
        path: of the PNG.
        diagrams: by name, e.g. before and after temperature scaling, or one alone. Each has a row per bin: its edges
            ``lower`` and ``upper``, the ``count`` of images, and their mean ``confidence`` and ``accuracy`` (any value
            if ``count`` is 0).

    Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, figure 1.
    """
    figure = style.figure(0.8 + 4.2 * len(diagrams), 6, layout=style.padded_layout(0.12, 0.1))
    figure.suptitle(title, x=0.02, ha="left", fontsize=12, weight="bold")
    grid = figure.subplots(2, len(diagrams), sharex=True, sharey="row", height_ratios=(4, 1), squeeze=False)
    for (upper, lower), (name, bins) in zip(grid.T, diagrams.items(), strict=True):
        filled = bins[bins["count"] > 0]
        upper.set_title(f"{name}: ECE {calibration.expected_calibration_error(bins):.1%}")
        _plot_bins(upper, filled)
        shares = filled["count"] / filled["count"].sum()
        lower.bar(
            filled["lower"],
            shares,
            filled["upper"] - filled["lower"],
            align="edge",
            color=style.COLOURS[4],
            edgecolor="white",
        )
        lower.yaxis.set_major_formatter("{x:.0%}")
        for axes in (upper, lower):
            axes.xaxis.set_major_formatter("{x:.0%}")
        lower.set(xlabel="confidence", xlim=(0, 1))
    grid[0, 0].set_ylabel("accuracy")
    grid[1, 0].set_ylabel("share of\nimages")
    style.save(figure, path)


def _plot_bins(axes: "Axes", bins: "pd.DataFrame") -> None:
    """Draw the diagonal, and a dot with its interval for each bin."""
    from scipy.stats import binomtest

    axes.plot([0, 1], [0, 1], "--", color=style.FAINT, linewidth=1.2)
    axes.text(0.03, 0.97, "underconfident", color=style.FAINT, fontsize=10, ha="left", va="top")
    axes.text(0.97, 0.03, "overconfident", color=style.FAINT, fontsize=10, ha="right", va="bottom")
    intervals = [
        binomtest(round(accuracy * count), int(count)).proportion_ci(method="wilson")
        for accuracy, count in zip(bins["accuracy"], bins["count"], strict=True)
    ]
    axes.vlines(
        bins["confidence"], [i.low for i in intervals], [i.high for i in intervals], color=style.COLOURS[0], lw=1.5
    )
    axes.plot(
        bins["confidence"],
        bins["accuracy"],
        "o",
        color=style.COLOURS[0],
        markersize=7,
        markeredgecolor="white",
        clip_on=False,
        zorder=3,
    )
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.grid()
