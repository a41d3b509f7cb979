"""Fitting a linear classifier on a backbone's features: multinomial logistic regression by scikit-learn.

The regression is fitted to standardised features in float64; the scaling is then folded into the network's weights.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scenes.backbones.features import Features
from scenes.models import linear, temperature

if TYPE_CHECKING:
    import keras
    import pandas as pd


class Candidate(NamedTuple):
    """A regression with one value of C.

    Attributes:
        C: inverse of the strength of the L2 penalty.
        kernel: of features as they are, float32 (d, k).
        bias: float32 (k,).
    """

    C: float
    kernel: np.ndarray
    bias: np.ndarray

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return float64 (n, k) for ``features`` float32 (n, d), with the logits that the network computes."""
        from scipy.special import softmax

        return softmax((features @ self.kernel + self.bias).astype(np.float64), axis=1)


def fit(network: "keras.Model", train: Features, *, C: float, class_weight: str = "none") -> None:
    """Set the weights of ``network`` (see ``scenes.models.linear.build``) to those of the logistic regression.

    Args:
        C: inverse of the strength of the L2 penalty, as in scikit-learn.
        class_weight: ``none`` or ``balanced``, as in scikit-learn.
    """
    with _one_thread():
        (candidate,) = _candidates(train, [C], class_weight)
    network.get_layer("probabilities").set_weights([candidate.kernel, candidate.bias])


def fit_best(
    network: "keras.Model", train: Features, validation: Features, *, C: Sequence[float], class_weight: str
) -> "tuple[dict[str, float], pd.DataFrame]":
    """Set the weights of ``network`` to those of the best C on validation.

    The best has the least crossentropy after temperature scaling, because that is how the model answers (see
    ``scenes.models.temperature.calibrated_crossentropy``); of equals, the strongest penalty. The rule is the same for
    few validation images: on samples of the demo's features with 24 to 800 training and 6 to 90 validation images, the
    strongest penalty within one standard error of the best would raise the crossentropy on other images by 0.10 on
    average (by 0.03, if the error is that of the difference).

    Args:
        C, class_weight: see :func:`fit`; the values of C in any order.

    Returns:
        The best row, and the table of all: a row per C, rising, with ``C``, ``accuracy``, ``val_accuracy``,
        ``crossentropy``, ``val_crossentropy`` and ``val_calibrated_crossentropy``.
    """
    import pandas as pd

    with _one_thread():
        candidates = list(_candidates(train, sorted(C), class_weight))
        rows = [_scores(candidate, train, validation) for candidate in candidates]
    table = pd.DataFrame(rows)
    best = int(table["val_calibrated_crossentropy"].argmin())
    network.get_layer("probabilities").set_weights([candidates[best].kernel, candidates[best].bias])
    return rows[best], table


def write_table(path: str | Path, table: "pd.DataFrame") -> None:
    """Write the table of :func:`fit_best` as TSV."""
    table.to_csv(path, sep="\t", index=False, float_format="%.6g", lineterminator="\n")


def _one_thread() -> AbstractContextManager[Any]:
    """Limit the linear algebra to one thread: threads share out sums, so their number would change the rounding."""
    import scipy.linalg  # noqa: F401 - only libraries that are loaded can be limited
    import sklearn.linear_model  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def _candidates(train: Features, values: Sequence[float], class_weight: str) -> Iterator[Candidate]:
    """Yield a regression for each value of C. Each fit starts from the one before, which saves iterations."""
    from sklearn.linear_model import LogisticRegression

    mean, variance = linear.moments(train.features)
    scale = np.sqrt(variance)
    scaled = train.features.astype(np.float64)  # once, and changed in place: it is the largest array of a training
    scaled -= mean
    scaled /= scale
    weights = None if class_weight == "none" else class_weight
    regression = LogisticRegression(class_weight=weights, max_iter=1000, warm_start=True)
    for C in values:
        regression.set_params(C=C).fit(scaled, train.label)
        coefficients, intercept = regression.coef_, regression.intercept_
        if len(train.classes) == 2:  # scikit-learn keeps the logit of the second class alone
            coefficients, intercept = np.vstack([-coefficients, coefficients]) / 2, np.append(-intercept, intercept) / 2
        kernel = (coefficients / scale).T
        bias = intercept - mean @ kernel
        yield Candidate(C, kernel.astype(np.float32), bias.astype(np.float32))


def _scores(candidate: Candidate, train: Features, validation: Features) -> dict[str, float]:
    """Return a row of the table of :func:`fit_best`."""
    from sklearn.metrics import accuracy_score, log_loss

    fitted, held_out = (candidate.probabilities(split.features) for split in (train, validation))
    classes = range(len(train.classes))
    return {
        "C": candidate.C,
        "accuracy": accuracy_score(train.label, fitted.argmax(axis=1)),
        "val_accuracy": accuracy_score(validation.label, held_out.argmax(axis=1)),
        "crossentropy": log_loss(train.label, fitted, labels=classes),
        "val_crossentropy": log_loss(validation.label, held_out, labels=classes),
        "val_calibrated_crossentropy": temperature.calibrated_crossentropy(validation.label, held_out),
    }
