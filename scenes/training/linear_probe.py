"""A linear classifier on a backbone's features: what fine-tuning begins with."""

import numpy as np

from scenes.models.features import Features


def build(features: int, classes: int):
    """Return an untrained Keras model: float32 (batch, features) to float32 (batch, classes) that sum to 1."""
    import keras

    inputs = keras.Input((features,), name="features")
    outputs = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(inputs)
    return keras.Model(inputs, outputs, name="probe")


def fit(network, embeddings: Features, *, C: float) -> None:
    """Give ``network`` (see :func:`build`) the weights of scikit-learn's logistic regression.

    The features are standardised for the fit; the layer takes them as they are.

    Args:
        C: inverse of the strength of the L2 regularisation.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    scaler = StandardScaler()
    scaled = scaler.fit_transform(embeddings.features.astype(np.float64))
    with threadpool_limits(1):  # sums are shared out between threads, and their rounding with them
        regression = LogisticRegression(C=C, max_iter=500).fit(scaled, embeddings.label)
    kernel = (regression.coef_ / scaler.scale_).T
    bias = regression.intercept_ - scaler.mean_ @ kernel
    network.get_layer("probabilities").set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
