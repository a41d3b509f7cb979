"""The plot of training curves."""

from pathlib import Path
from typing import TYPE_CHECKING

from scenes.plots import style

if TYPE_CHECKING:
    import pandas as pd


def plot(path: str | Path, curves: "pd.DataFrame", *, title: str) -> None:
    """Write two panels, accuracy and crossentropy, each with the best validation epoch marked.

    Args:
        path: of the PNG.
        curves: a row per epoch: ``epoch`` and the columns of ``scenes.training.curves.TABLES["curves"]``.
    """
    figure = style.figure(10, 4.2, layout=style.padded_layout(0.1, 0.1))
    for axes, metric in zip(figure.subplots(1, 2), ("accuracy", "crossentropy"), strict=True):
        validation = curves[f"val_{metric}"]
        axes.plot(curves["epoch"], curves[metric], "--", color=style.COLOURS[1], label="training")
        axes.plot(curves["epoch"], validation, color=style.COLOURS[0], label="validation")
        best = validation.idxmax() if metric == "accuracy" else validation.idxmin()
        epoch, value = curves["epoch"][best], validation[best]
        axes.plot(epoch, value, "o", color=style.COLOURS[0], markersize=8, label=f"best: {value:.3f}, epoch {epoch}")
        axes.set(xlabel="epoch", title=f"{title}: {metric}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y")
        axes.legend()
    style.save(figure, path)
