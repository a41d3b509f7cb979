"""The head: two dense layers on a backbone's features."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


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
    """Set the mean and variance by which ``network`` standardises, from training ``features`` float32 (n, d)."""
    network.get_layer("standardise").adapt(features)
