"""Novelty: from which distance to the training images on a photo counts as unlike them.

It is a remark on an answer, which is given all the same: photos of other kinds are far from the training images, photos
of another class less reliably so (``scenes.evaluation.novelty_scores`` measures both).
"""

import math

import numpy as np

from scenes.common.tables import DECIMALS

SHARE = 0.05  # of new images like the training images that count as unlike them


def threshold(distances: np.ndarray) -> float | None:
    """Return the distance that a new image exceeds with a probability of at most ``SHARE``, if it is like these.

    It is the quantile of split conformal prediction, which holds for any number of images: Angelopoulos & Bates 2021,
    https://arxiv.org/abs/2107.07511, section 1.

    Args:
        distances: of validation images, float (n,), see ``scenes.models.training_distance``.

    Returns:
        One of the distances, rounded to six decimals; None if there are too few, fewer than 19.
    """
    place = math.ceil((1 - SHARE) * (len(distances) + 1))
    return round(float(np.sort(distances)[place - 1]), DECIMALS) if place <= len(distances) else None


def unlike(distances: np.ndarray, above: float | None) -> np.ndarray:
    """Return whether each distance, rounded as files hold it, exceeds a :func:`threshold`, bool (n,)."""
    return distances.astype(np.float64).round(DECIMALS) > (math.inf if above is None else above)
