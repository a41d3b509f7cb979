"""A linear classifier on a backbone's features; fine-tuning starts from it."""

from typing import TYPE_CHECKING

import numpy as np

from scenes.models.features import Features

if TYPE_CHECKING:
    import keras


def build(features: int, classes: int) -> "keras.Model":
    """Return an untrained network: float32 (batch, features) to float32 (batch, classes) whose rows sum to 1."""
    import keras

    inputs = keras.Input((features,), name="features")
    outputs = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(inputs)
    return keras.Model(inputs, outputs, name="probe")


def fit(network: "keras.Model", train: Features, *, C: float) -> None:
    """Set the weights of ``network`` (see :func:`build`) to those of scikit-learn's logistic regression.

    The regression is fitted to standardised features; the scaling is then folded into the weights.

    Args:
        C: inverse of the strength of the L2 regularisation.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    scaler = StandardScaler()
    scaled = scaler.fit_transform(train.features.astype(np.float64))
    with threadpool_limits(1):  # threads share out the sums, so their number changes the rounding
        regression = LogisticRegression(C=C, max_iter=500).fit(scaled, train.label)
    kernel = (regression.coef_ / scaler.scale_).T
    bias = regression.intercept_ - scaler.mean_ @ kernel
    network.get_layer("probabilities").set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
