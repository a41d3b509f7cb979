"""The plot of training curves: of a network by epochs, of a linear model by C."""

from pathlib import Path
from typing import TYPE_CHECKING

from scenes.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CALIBRATED = "val_calibrated_crossentropy"


def plot(path: str | Path, table: "pd.DataFrame", *, title: str) -> None:
    """Write two panels, accuracy and crossentropy, on training and validation images.

    Marked are, of a network, the best value on validation of each panel, and of a linear model the C in use in both:
    the one of the least calibrated crossentropy.

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
    """Draw columns of ``table`` by its first one, and mark a value of the last of them, see :func:`plot`.

    Args:
        lines: the label of each column.
    """
    name, looks = table.columns[0], ("--", "-", ":")
    x, last = table[name], table[list(lines)[-1]]
    for (column, label), line, colour in zip(lines.items(), looks, (1, 0, 0), strict=False):
        axes.plot(x, table[column], line, color=style.COLOURS[colour], label=label)
    accuracy, in_use = last.name == "val_accuracy", name == "C"
    best = last.idxmax() if accuracy else last.idxmin()
    marked = table[CALIBRATED].idxmin() if in_use else best
    value = f"{100 * last[marked]:.1f} %" if accuracy else f"{last[marked]:.3f}"
    mark = f"{'in use' if in_use else 'best'}: {name} {x[marked]:g}, {value}"
    axes.plot(x[marked], last[marked], "o", color=style.COLOURS[0], markersize=8, label=mark)
    axes.set(xlabel=name, title=title)
    if accuracy:
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    if in_use:
        axes.set(xscale="log", xlabel="C: the larger, the weaker the penalty")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter("")
    else:
        axes.locator_params(axis="x", integer=True)
    axes.grid(axis="y")
    axes.legend()
