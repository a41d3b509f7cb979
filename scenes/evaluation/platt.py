"""Platt scaling: two numbers that turn the scores of the second output into probabilities.

The log-odds of a score are multiplied by a slope, and an intercept is added. The order of the scores stays the same.

Source: Platt 1999, Probabilistic Outputs for Support Vector Machines, section 2.2.
"""

from typing import NamedTuple

import numpy as np

_TINY = 1e-6  # as scores are rounded in files


class PlattScaling(NamedTuple):
    """The two numbers.

    Attributes:
        slope: factor of the log-odds of a score.
        intercept: added to the product.
    """

    slope: float
    intercept: float

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities, float64 of the shape of ``scores``.

        Args:
            scores: float, 0 to 1.
        """
        from scipy.special import expit

        return expit(self.slope * _log_odds(scores) + self.intercept)


def fit(present: np.ndarray, scores: np.ndarray) -> PlattScaling:
    """Return one scaling for all classes.

    Args:
        present: bool (n, k), which classes each image contains.
        scores: float (n, k), 0 to 1.
    """
    from sklearn.linear_model import LogisticRegression

    # The paper's targets are not quite 1 and 0. scikit-learn takes such a target as two images with weights.
    positive = np.count_nonzero(present)
    target = np.where(present.ravel(), (positive + 1) / (positive + 2), 1 / (present.size - positive + 2))
    inputs = np.tile(_log_odds(scores).reshape(-1, 1), (2, 1))
    labels = np.repeat([1, 0], present.size)
    fitted = LogisticRegression().fit(inputs, labels, sample_weight=np.concatenate([target, 1 - target]))
    return PlattScaling(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))


def _log_odds(scores: np.ndarray) -> np.ndarray:
    from scipy.special import logit

    return logit(np.clip(np.asarray(scores, np.float64), _TINY, 1 - _TINY))
