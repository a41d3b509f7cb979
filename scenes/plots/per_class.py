"""Precision and recall of each class as a picture, and as a table that DVC draws."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenes.plots import style

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("precision", "recall", "f1", "support")


def write(path: str | Path, per_class: Mapping[str, Mapping[str, float]]) -> None:
    """Write ``class,precision,recall,f1,support`` for DVC to draw: a row a class, in the order given.

    Args:
        per_class: what ``scenes.evaluation.metrics.classification`` returns under that name.
    """
    _table(per_class).to_csv(path, index=False, float_format="%.6f", lineterminator="\n")


def plot(path: str | Path, per_class: Mapping[str, Mapping[str, float]], *, title: str) -> None:
    """Write bars from 0 to 1, two a class, with their values.

    Args:
        per_class: see :func:`write`.
    """
    scores = _table(per_class)
    places = np.arange(len(scores))
    figure = style.figure(8, 1.5 + 0.62 * len(scores), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
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
