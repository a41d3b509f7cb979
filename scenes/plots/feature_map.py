"""The feature map: all images as points, by the first two principal components of their features."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scenes.plots import style

_MARKERS = "os^D"  # the next one is used each time the colours have run out


def project(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two principal components of the standardised features.

    Args:
        features: float (n, d), n and d at least 2.

    Returns:
        The points, float64 (n, 2), and the share of the variance that each component explains, float64 (2,).
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # rounding depends on how sums are split among threads
        pca = PCA(2, svd_solver="covariance_eigh")
        points = pca.fit_transform(StandardScaler().fit_transform(features.astype(np.float64)))
    return points, pca.explained_variance_ratio_


def plot(
    path: str | Path,
    features: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    ringed: np.ndarray,
    *,
    title: str,
) -> None:
    """Write a scatter plot of :func:`project`.

    Args:
        path: of the PNG.
        features: float (n, d).
        labels: int (n,), indices into ``classes``.
        ringed: bool (n,), the images drawn with a ring: the label issues.
    """
    points, shares = project(features)
    figure = style.figure(10, 7.5, layout="constrained")
    axes = figure.add_subplot()
    # The more points there are, the smaller they are drawn, so that they do not hide one another.
    size = float(np.clip(20_000 / len(points), 4, 25))
    colours = np.array([style.COLOURS[label % len(style.COLOURS)] for label in labels])
    markers = np.array([_MARKERS[label // len(style.COLOURS) % len(_MARKERS)] for label in labels])
    x, y = points.T
    # In the order of the rows, which is random: if drawn class by class, the last class would hide the others.
    for marker in _MARKERS:
        mask = markers == marker
        axes.scatter(x[mask], y[mask], s=size, c=colours[mask], marker=marker, alpha=0.55, linewidths=0)
    # A label issue keeps its colour inside the ring, so that its given class can be seen.
    axes.scatter(x[ringed], y[ringed], s=size + 22, c=colours[ringed], edgecolors=style.INK, linewidths=1.1)
    for number, name in enumerate(classes):
        colour = style.COLOURS[number % len(style.COLOURS)]
        marker = _MARKERS[number // len(style.COLOURS) % len(_MARKERS)]
        axes.scatter([], [], s=40, label=name, color=colour, marker=marker)
    axes.scatter([], [], s=40, facecolors="none", edgecolors=style.INK, label=f"label issue ({ringed.sum():,})")
    axes.set_title(title)
    axes.set_xlabel(f"first principal component ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"second principal component ({shares[1]:.0%})")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    style.save(figure, path)
