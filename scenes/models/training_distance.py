"""How far an image is from those that a model learned from: the cosine distance of its features to the nearest's.

An image that is unlike all of them is far from each, whatever class the model names and however sure of it the model
is. The features are those that the model's last layer takes, so that the distance costs no second network: those of a
fine-tuned backbone did as well as those of the frozen one, those of the CNN from scratch less so (docs/results.md).

Source: Sun et al. 2022, Out-of-distribution detection with deep nearest neighbors, https://arxiv.org/abs/2204.06507.
They take the k-th nearest. Here it is the first, which told photos from drawings better than the tenth, and which also
works for classes of a few images.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

IMAGES = 1000  # whose features are kept: 3 MB of EfficientNet-Lite0's; twice as many were worth 0.002 of AUROC
FEATURES = "features"  # the layer of a linear model whose output is the features
_CNN_FEATURES = "pool"


def choose(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the features of at most ``IMAGES`` images, of each class the same number, or all if it has fewer.

    Args:
        features: float32 (n, d), n > 0, in the order of the records. That is the order of a hash, so the first images
            of a class are a random sample of it.
        labels: int (n,).

    Returns:
        float16 (m, d), scaled to unit length.
    """
    import pandas as pd
    from sklearn.preprocessing import normalize

    place_in_class = pd.Series(labels).groupby(labels).cumcount()
    chosen = np.sort(np.argsort(place_in_class, kind="stable")[:IMAGES])
    return normalize(features[chosen]).astype(np.float16)


def distances(features: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return the cosine distance of each image to the nearest training image, float32 (n,) from 0 to 2.

    Args:
        features: float32 (n, d).
        training: float16 (m, d), m > 0, see :func:`choose`.
    """
    from sklearn.metrics import pairwise_distances_argmin_min
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # how sums are divided among threads changes their rounding
        return pairwise_distances_argmin_min(features, training.astype(np.float32), metric="cosine")[1]


def with_distance(network: "keras.Model", training: np.ndarray | None) -> "keras.Model":
    """Return ``network`` with a second output, :func:`distances`.

    Args:
        network: from images to probabilities, see ``scenes.models.store.load``.
        training: float16 (m, d), see :func:`choose`; None: there is no distance.

    Returns:
        From uint8 (batch, height, width, 3) to a dict of ``probabilities``, float32 (batch, classes), and ``distance``,
        float32 (batch,).
    """
    import keras
    from sklearn.preprocessing import normalize

    if training is None:
        return keras.Model(network.input, {"probabilities": network.output}, name="without_distance")
    (features,) = (layer.output for layer in network.layers if layer.name in (FEATURES, _CNN_FEATURES))
    unit = keras.layers.UnitNormalization(dtype="float32", name="unit_length")(features)
    cosine = keras.layers.Dense(len(training), use_bias=False, dtype="float32", name="training_images")
    distance = keras.ops.relu(1 - keras.ops.max(cosine(unit), axis=1))  # rounding can make it negative
    cosine.set_weights([normalize(training.astype(np.float32)).T])
    return keras.Model(network.input, {"probabilities": network.output, "distance": distance}, name="with_distance")
