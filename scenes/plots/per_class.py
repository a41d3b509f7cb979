"""Precision and recall per class: a plot, and a table for DVC to plot."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenes.common.tables import write_csv
from scenes.plots import style
from scenes.plots.text import short

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("class", "precision", "recall", "f1", "support")
SHOWN = 30  # classes in the plot at most
_NAME = 32  # Latin letters of a name, at most


def write(path: str | Path, per_class: Mapping[str, Mapping[str, float]]) -> None:
    """Write ``COLUMNS`` as CSV: a row per class, in the order given.

    Args:
        per_class: the entry of that name in the result of ``scenes.evaluation.metrics.classification``.
    """
    write_csv(path, _table(per_class))


def plot(path: str | Path, per_class: Mapping[str, Mapping[str, float]], *, title: str) -> None:
    """Write two bars per class, from 0 to 1, with their values; of more than ``SHOWN`` classes, see :func:`worst`.

    Args:
        path: of the PNG.
        per_class: see :func:`write`.
    """
    scores = _table({name: per_class[name] for name in worst(per_class)})
    places = np.arange(len(scores))
    figure = style.figure(8, 1.5 + 0.62 * len(scores), layout=style.padded_layout(0.1, 0.1))
    axes = figure.add_subplot()
    thickness = 0.36
    for offset, column, colour in ((-0.5, "precision", style.COLOURS[0]), (0.5, "recall", style.COLOURS[1])):
        bars = axes.barh(places + offset * thickness, scores[column], thickness, color=colour, label=column)
        axes.bar_label(bars, [f"{value:.1%}" for value in scores[column]], padding=3, fontsize=9)
    names = [
        f"{short(name, _NAME)}\n{count:,} images"
        for name, count in zip(scores["class"], scores["support"], strict=True)
    ]
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 1), xticks=[])
    axes.spines["bottom"].set_visible(False)
    axes.margins(y=0.02)
    which = "each class" if len(scores) == len(per_class) else f"\nthe {SHOWN} worst of {len(per_class):,} classes"
    axes.set_title(f"{title}: precision and recall of {which}\n", pad=8)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    style.save(figure, path)


def worst(per_class: Mapping[str, Mapping[str, float]], limit: int = SHOWN) -> list[str]:
    """Return the classes of the lowest recall, the lowest first, then by name.

    If there are no more than ``limit`` classes, all are returned, in the order given. Otherwise classes without test
    images are left out, because their recall is undefined.
    """
    if len(per_class) <= limit:
        return list(per_class)
    tested = [name for name, scores in per_class.items() if scores["support"]]
    return sorted(tested, key=lambda name: (per_class[name]["recall"], name))[:limit]


def _table(per_class: Mapping[str, Mapping[str, float]]) -> "pd.DataFrame":
    import pandas as pd

    rows = [[name, *(scores[column] for column in COLUMNS[1:])] for name, scores in per_class.items()]
    return pd.DataFrame(rows, columns=COLUMNS)
