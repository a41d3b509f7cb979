"""A linear classifier on a backbone's features: one dense layer."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


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
