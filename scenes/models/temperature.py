"""Temperature scaling: one number that calibrates a network's confidence.

The logits are divided by a temperature T > 0 before the softmax: T > 1 lowers the confidence, T < 1 raises it. The
order of the classes stays the same, so no answer changes. The logarithms of the probabilities serve as logits: they
differ from them by a constant for each row, which the softmax cancels.

Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 4.2.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

LIMITS = (0.1, 10.0)  # of T; for a network without an error on validation the best T would be 0
DECIMALS = 6
TINY = float(np.finfo(np.float32).tiny)  # the least normal float32; a probability rounded to 0 needs a logarithm


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return calibrated probabilities, float64 (n, k) whose rows sum to 1.

    Args:
        probabilities: float (n, k), output of a network's softmax.
    """
    from scipy.special import softmax

    return softmax(_logits(probabilities) / temperature, axis=1)


def scaled_output(probabilities: Any, temperature: float) -> Any:
    """Return :func:`scale` as Keras operations, for the end of a model.

    Args:
        probabilities: float32 tensor (batch, k).

    Returns:
        A float32 tensor (batch, k) whose rows sum to 1.
    """
    from keras import ops

    return ops.softmax(ops.log(ops.maximum(probabilities, TINY)) / temperature)


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the temperature within ``LIMITS`` that minimises the crossentropy.

    The crossentropy is convex in 1/T, so the search finds its only minimum.

    Args:
        labels: int (n,), indices into the k classes, n > 0, of images that the network was not trained on.
        probabilities: float (n, k), output of the network's softmax.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits = _logits(probabilities)
    rows = np.arange(len(labels))

    def crossentropy(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].mean()

    result = minimize_scalar(crossentropy, bounds=np.log(LIMITS), method="bounded", options={"xatol": 1e-9})
    return float(np.exp(result.x))


def fit_temperature_for(network: "keras.Model", validation: Iterable[tuple[Any, Any]]) -> float:
    """Return the temperature for a trained ``network``, rounded to six decimals.

    Args:
        network: from inputs to float32 probabilities (batch, k).
        validation: (input, one-hot label) batches.
    """
    labels, probabilities = [], []
    for inputs, one_hot in validation:
        labels.append(np.argmax(one_hot, axis=1))
        probabilities.append(network.predict_on_batch(inputs))
    return round(fit_temperature(np.concatenate(labels), np.concatenate(probabilities)), DECIMALS)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities.astype(np.float64), TINY))
