"""All images as points: their features in two dimensions, coloured by class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scenes.plots import style

_MARKERS = "os^D"  # another one where the colours begin anew


def project(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two principal components of the standardised features.

    Args:
        features: float (n, d), n and d at least 2.

    Returns:
        float64 (n, 2), and the shares of the variance that the two explain.
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums are shared out between threads, and their rounding with them
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
        features: float (n, d).
        labels: int (n,), indices into ``classes``.
        ringed: bool (n,), the images to draw a ring around: the label issues.
    """
    points, shares = project(features)
    figure = style.figure(10, 7.5, layout="constrained")
    axes = figure.add_subplot()
    # Many points hide one another: the more there are, the smaller they are drawn.
    size = float(np.clip(20_000 / len(points), 4, 25))
    colours = np.array([style.COLOURS[label % len(style.COLOURS)] for label in labels])
    markers = np.array([_MARKERS[label // len(style.COLOURS) % len(_MARKERS)] for label in labels])
    # In the order of the rows, which is a random one: drawn class by class, the last class would hide the others.
    for marker in _MARKERS:
        drawn = markers == marker
        axes.scatter(*points[drawn].T, s=size, c=colours[drawn], marker=marker, alpha=0.55, linewidths=0)
    # A suspect keeps its colour inside the ring, so that one sees which class it stands out from.
    axes.scatter(*points[ringed].T, s=size + 22, c=colours[ringed], edgecolors=style.INK, linewidths=1.1)
    for number, name in enumerate(classes):
        look = {
            "color": style.COLOURS[number % len(style.COLOURS)],
            "marker": _MARKERS[number // len(style.COLOURS) % len(_MARKERS)],
        }
        axes.scatter([], [], s=40, label=name, **look)
    axes.scatter([], [], s=40, facecolors="none", edgecolors=style.INK, label=f"label issue ({ringed.sum():,})")
    axes.set_title(title)
    axes.set_xlabel(f"first principal component ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"second principal component ({shares[1]:.0%})")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    style.save(figure, path)
