"""Temperature scaling: one number that makes a network as sure as it is right.

The logits are divided by a temperature T > 0 before the softmax: above 1 the network becomes less sure, below 1 surer.
The order of the classes stays, and with it every answer. Logarithms of probabilities serve as logits: they
are those but for a constant a row, which the softmax takes away.

Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 4.2.
"""

from collections.abc import Iterable

import numpy as np

LIMITS = (0.1, 10.0)  # of T; a network that is right on all of validation would ask for 0
DECIMALS = 6
# The least normal float32: what a float32 softmax rounds to 0 still has a logarithm.
TINY = float(np.finfo(np.float32).tiny)


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return calibrated probabilities, float64 (n, k) whose rows sum to 1.

    Args:
        probabilities: float (n, k), what a network's softmax gives.
    """
    from scipy.special import softmax

    return softmax(_logits(probabilities) / temperature, axis=1)


def scaled_output(probabilities, temperature: float):
    """Return what :func:`scale` does as an operation of Keras, for the end of a model.

    Args:
        probabilities: float32 tensor (batch, k).

    Returns:
        A float32 tensor (batch, k) whose rows sum to 1.
    """
    from keras import ops

    return ops.softmax(ops.log(ops.maximum(probabilities, TINY)) / temperature)


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the temperature within ``LIMITS`` with the least crossentropy.

    The crossentropy is convex in 1/T, so there is one minimum and the search finds it.

    Args:
        labels: int (n,), indices into the k classes, n > 0, of images that the network was not trained on.
        probabilities: float (n, k), what the network's softmax gives.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits = _logits(probabilities)
    rows = np.arange(len(labels))

    def crossentropy(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].mean()

    found = minimize_scalar(crossentropy, bounds=np.log(LIMITS), method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))


def fit_temperature_for(network, validation: Iterable) -> float:
    """Return the temperature for a trained ``network``, in six decimals, as model.json holds it.

    Args:
        network: keras.Model from inputs to float32 probabilities (batch, k).
        validation: (input, one-hot label) batches.
    """
    labels, probabilities = [], []
    for inputs, one_hot in validation:
        labels.append(np.argmax(one_hot, axis=1))
        probabilities.append(network.predict_on_batch(inputs))
    return round(fit_temperature(np.concatenate(labels), np.concatenate(probabilities)), DECIMALS)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities.astype(np.float64), TINY))
