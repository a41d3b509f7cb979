"""The plot of the confusion matrix."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scenes.evaluation.metrics import confusion_matrix
from scenes.plots import style


def plot(path: str | Path, labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str], *, title: str) -> None:
    """Write a heat map with a row per true class, coloured by its shares; the diagonal shows recall.

    Args:
        path: of the PNG.
        labels, predicted: int (n,), indices into ``classes``.
    """
    import seaborn as sns

    counts = confusion_matrix(labels, predicted, len(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    texts = [
        [f"{share:.1%}\n{count}" for share, count in zip(*row, strict=True)] for row in zip(shares, counts, strict=True)
    ]
    side = max(1.6 + 0.95 * len(classes), 5.0)  # inches; the title needs 5
    figure = style.figure(side + 1, side, layout="constrained")
    axes = figure.add_subplot()
    sns.heatmap(
        shares,
        annot=texts,
        fmt="",
        vmin=0,
        vmax=1,
        cmap=style.SEQUENTIAL,
        square=True,
        linewidths=0.5,
        xticklabels=classes,
        yticklabels=classes,
        cbar_kws={"label": "share of the true class"},
        ax=axes,
    )
    axes.set(xlabel="predicted", ylabel="true")
    accuracy = np.trace(counts) / counts.sum()
    axes.set_title(f"{title}: accuracy {accuracy:.1%}\nrecall and counts of {counts.sum():,} test images")
    axes.tick_params(axis="x", rotation=45)
    axes.tick_params(axis="y", rotation=0)
    style.save(figure, path)
