"""The plot of training curves: of a network by epochs, of a linear model by C."""

from pathlib import Path
from typing import TYPE_CHECKING

from scenes.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CALIBRATED = "val_calibrated_crossentropy"


def plot(path: str | Path, table: "pd.DataFrame", *, title: str) -> None:
    """Write two panels, accuracy and crossentropy, each with the best value on validation marked.

    Args:
        path: of the PNG.
        table: a row per ``epoch`` (see ``scenes.training.curves.TABLES["curves"]``) or per ``C`` (see
            ``scenes.training.logistic_regression.fit_best``), which is the first column.
    """
    figure = style.figure(10, 4.2, layout=style.padded_layout(0.1, 0.1))
    accuracy, crossentropy = figure.subplots(1, 2)
    _panel(accuracy, table, {"accuracy": "training", "val_accuracy": "validation"}, f"{title}: accuracy")
    lines = {"crossentropy": "training", "val_crossentropy": "validation", CALIBRATED: "validation, calibrated"}
    _panel(crossentropy, table, lines, f"{title}: crossentropy")
    style.save(figure, path)


def _panel(axes: "Axes", table: "pd.DataFrame", lines: dict[str, str], title: str) -> None:
    """Draw columns of ``table`` by its first one, and mark the best value of the last of them.

    Args:
        lines: the label of each column.
    """
    name, looks = table.columns[0], ("--", "-", ":")
    x, last = table[name], table[list(lines)[-1]]
    for (column, label), line, colour in zip(lines.items(), looks, (1, 0, 0), strict=False):
        axes.plot(x, table[column], line, color=style.COLOURS[colour], label=label)
    best = last.idxmax() if last.name == "val_accuracy" else last.idxmin()
    mark = f"best: {last[best]:.3f}, {name} {x[best]:g}"
    axes.plot(x[best], last[best], "o", color=style.COLOURS[0], markersize=8, label=mark)
    axes.set(xlabel=name, title=title)
    if name == "C":
        axes.set(xscale="log", xlabel="C: the larger, the weaker the penalty")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter("")
    else:
        axes.locator_params(axis="x", integer=True)
    axes.grid(axis="y")
    axes.legend()
