"""Precision and recall per class: a plot, and a table for DVC to plot."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenes.common.tables import write_csv
from scenes.plots import style

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("precision", "recall", "f1", "support")


def write(path: str | Path, per_class: Mapping[str, Mapping[str, float]]) -> None:
    """Write ``class,precision,recall,f1,support`` as CSV: a row per class, in the order given.

    Args:
        per_class: the entry of that name in the result of ``scenes.evaluation.metrics.classification``.
    """
    write_csv(path, _table(per_class))


def plot(path: str | Path, per_class: Mapping[str, Mapping[str, float]], *, title: str) -> None:
    """Write two bars per class, from 0 to 1, with their values.

    Args:
        path: of the PNG.
        per_class: see :func:`write`.
    """
    scores = _table(per_class)
    places = np.arange(len(scores))
    figure = style.figure(8, 1.5 + 0.62 * len(scores), layout=style.padded_layout(0.1, 0.1))
    axes = figure.add_subplot()
    thickness = 0.36
    for offset, column, colour in ((-0.5, "precision", style.COLOURS[0]), (0.5, "recall", style.COLOURS[1])):
        bars = axes.barh(places + offset * thickness, scores[column], thickness, color=colour, label=column)
        axes.bar_label(bars, [f"{value:.1%}" for value in scores[column]], padding=3, fontsize=9)
    names = [f"{name}\n{count:,} images" for name, count in zip(scores["class"], scores["support"], strict=True)]
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 1), xticks=[])
    axes.spines["bottom"].set_visible(False)
    axes.margins(y=0.02)
    axes.set_title(f"{title}: precision and recall of each class\n", pad=8)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    style.save(figure, path)


def _table(per_class: Mapping[str, Mapping[str, float]]) -> "pd.DataFrame":
    import pandas as pd

    rows = [{"class": name} | {column: scores[column] for column in COLUMNS} for name, scores in per_class.items()]
    return pd.DataFrame(rows)
