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


def fit(network: "keras.Model", train: Features, *, C: float, class_weight: str = "none") -> None:
    """Set the weights of ``network`` (see :func:`build`) to those of scikit-learn's logistic regression.

    The regression is fitted to standardised features; the scaling is then folded into the weights.

    Args:
        C: inverse of the strength of the L2 regularisation.
        class_weight: ``none`` or ``balanced``, scikit-learn's.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    scaler = StandardScaler()
    scaled = scaler.fit_transform(train.features.astype(np.float64))
    with threadpool_limits(1):  # threads share out the sums, so their number changes the rounding
        weights = None if class_weight == "none" else class_weight
        regression = LogisticRegression(C=C, max_iter=500, class_weight=weights).fit(scaled, train.label)
    coefficients, intercept = regression.coef_, regression.intercept_
    if len(train.classes) == 2:  # scikit-learn keeps the logit of the second class alone
        coefficients, intercept = np.vstack([-coefficients, coefficients]) / 2, np.append(-intercept, intercept) / 2
    kernel = (coefficients / scaler.scale_).T
    bias = intercept - scaler.mean_ @ kernel
    network.get_layer("probabilities").set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
