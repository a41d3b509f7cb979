"""The head: two dense layers on a backbone's features."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

LEAST_VARIANCE = 0.01  # of photos, 2 in 1,000 features of EfficientNet-Lite0 vary less; of drawings, half of them


def build(features: int, classes: int, *, units: int, dropout: float) -> "keras.Model":
    """Return a network from pooled features to class probabilities.

    It standardises the features first (see :func:`standardise`), so that one learning rate suits any backbone.

    Args:
        features: width of the input.
        classes: number of outputs.
        units: width of the hidden layer.
        dropout: rate before each of the two layers.

    Returns:
        From float32 (batch, features) to float32 (batch, classes) whose rows sum to 1.
    """
    import keras
    from keras import layers

    inputs = keras.Input((features,), name="features")
    x = layers.Normalization(name="standardise")(inputs)
    x = layers.Dropout(dropout, name="dropout_a")(x)
    x = layers.Dense(units, activation="relu", kernel_initializer="he_normal", name="hidden")(x)
    x = layers.Dropout(dropout, name="dropout_b")(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="head")


def standardise(network: "keras.Model", features: np.ndarray) -> None:
    """Set the mean and variance by which ``network`` standardises, from training ``features`` float32 (n, d).

    A variance is at least ``LEAST_VARIANCE`` of the mean variance: after a ReLU, many features of few pictures of one
    kind are zero, and another picture's small value would become a million standard deviations.
    """
    layer = network.get_layer("standardise")
    layer.adapt(features)
    least = LEAST_VARIANCE * float(features.var(axis=0, dtype=np.float64).mean())
    layer.adapt_variance.assign(np.maximum(layer.adapt_variance.numpy(), least))
    layer.finalize_state()
