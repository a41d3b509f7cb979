"""The feature map: all images as points, by the first two principal components of their features."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scenes.plots import style
from scenes.plots.text import short

_MARKERS = "os^D"  # the next one is used each time the colours have run out
_COLOURED = 20  # classes that can be told apart by colour and marker
_HIGHLIGHTED = 8  # classes that have a colour if there are more
_OTHER = ("#BBBBBB", _MARKERS[0])


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
    """Write a scatter plot of :func:`project`, coloured by class.

    Of more than 20 classes, the eight with the most label issues have a colour, and the others are grey.

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
    shown = _classes_with_a_colour(labels, ringed, len(classes))
    styles = {
        label: (style.COLOURS[place % len(style.COLOURS)], _MARKERS[place // len(style.COLOURS) % len(_MARKERS)])
        for place, label in enumerate(shown)
    }
    colours = np.array([styles.get(label, _OTHER)[0] for label in labels])
    markers = np.array([styles.get(label, _OTHER)[1] for label in labels])
    x, y = points.T
    # In the order of the rows, which is random: if drawn class by class, the last class would hide the others.
    for marker in _MARKERS:
        mask = markers == marker
        axes.scatter(x[mask], y[mask], s=size, c=colours[mask], marker=marker, alpha=0.55, linewidths=0)
    # A label issue keeps its colour inside the ring, so that its given class can be seen.
    axes.scatter(x[ringed], y[ringed], s=size + 22, c=colours[ringed], edgecolors=style.INK, linewidths=1.1)
    for label, (colour, marker) in styles.items():
        axes.scatter([], [], s=40, label=short(classes[label], 28), color=colour, marker=marker)
    if len(shown) < len(classes):
        colour, marker = _OTHER
        axes.scatter([], [], s=40, label=f"{len(classes) - len(shown):,} other classes", color=colour, marker=marker)
    axes.scatter([], [], s=40, facecolors="none", edgecolors=style.INK, label=f"label issue ({ringed.sum():,})")
    axes.set_title(title)
    axes.set_xlabel(f"first principal component ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"second principal component ({shares[1]:.0%})")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    style.save(figure, path)


def _classes_with_a_colour(labels: np.ndarray, ringed: np.ndarray, classes: int) -> list[int]:
    """Return all classes, or of too many those with the most label issues, then the largest, in their order."""
    if classes <= _COLOURED:
        return list(range(classes))
    issues, images = (np.bincount(part, minlength=classes) for part in (labels[ringed], labels))
    return sorted(np.lexsort((-images, -issues))[:_HIGHLIGHTED].tolist())
