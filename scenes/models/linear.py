"""A linear classifier on a backbone's features: their standardisation, and one dense layer."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

LEAST_VARIANCE = 0.01  # of photos, 2 in 1,000 features of EfficientNet-Lite0 vary less; of drawings, half of them


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the variance of each feature, float64 (d,).

    A variance is at least ``LEAST_VARIANCE`` of the mean variance: after a ReLU, many features of few pictures of one
    kind are zero, and another picture's small value would become a million standard deviations.

    Args:
        features: float32 (n, d), of training images.
    """
    mean, variance = features.mean(axis=0, dtype=np.float64), features.var(axis=0, dtype=np.float64)
    least = LEAST_VARIANCE * variance.mean()
    return mean, np.maximum(variance, least) if least > 0 else np.ones_like(variance)


def build(features: int, classes: int) -> "keras.Model":
    """Return a network from pooled features to probabilities; ``scenes.training.logistic_regression`` sets its weights.

    Args:
        features: width of the input.
        classes: number of outputs.

    Returns:
        From float32 (batch, features) to float32 (batch, classes) whose rows sum to 1.
    """
    import keras

    inputs = keras.Input((features,), name="features")
    outputs = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(inputs)
    return keras.Model(inputs, outputs, name="linear")
