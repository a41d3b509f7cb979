"""A small network with the two outputs of the one in production, and what is said of it."""

import keras

from scenes.models import cnn

SIDE = 32
DESCRIPTION = {
    "model": "baseline",
    "classes": ["forest", "sea", "street"],
    "image_shape": [SIDE, SIDE, 3],
    "unsure_below": 0.9,
    "presence_above": 0.5,
}


def two_outputs(inputs, seen):
    """A network with what one in production has: two outputs, and a layer whose statistics are no variables."""
    seen = keras.layers.Normalization(mean=0.5, variance=2.0, name="standardise")(seen)
    probabilities = keras.layers.Dense(3, activation="softmax", name="last")(seen)
    contains = keras.layers.Dense(3, activation="sigmoid", name="multilabel")(seen)
    return keras.Model(inputs, {"probabilities": probabilities, "multilabel": contains})


def small(seed: int):
    keras.utils.set_random_seed(seed)
    body = cnn.penultimate(cnn.build((SIDE, SIDE, 3), 3, filters=[16, 64], dropout=0.1))
    return two_outputs(body.input, body.output)
