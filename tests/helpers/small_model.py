"""A small network like the one in production, and what is said of it."""

import keras
from keras.src.applications.efficientnet_v2 import DEFAULT_BLOCKS_ARGS, EfficientNetV2

from scenes.models import cnn

SIDE = 32
DESCRIPTION = {
    "model": "baseline",
    "classes": ["forest", "sea", "street"],
    "image_shape": [SIDE, SIDE, 3],
    "fit": "crop",
    "drawn": False,
    "calibrated": True,
    "unsure_below": 0.9,
    "unlike_above": None,
    "presence": {"slope": [1.0, 1.0, 1.0], "intercept": [0.0, 0.0, 0.0]},
}


def classifier(inputs, seen):
    """A network with what one in production has: probabilities, and a layer whose statistics are no variables."""
    seen = keras.layers.Normalization(mean=0.5, variance=2.0, name="standardise")(seen)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="probabilities")(seen))


def small(seed: int):
    keras.utils.set_random_seed(seed)
    body = cnn.penultimate(cnn.build((SIDE, SIDE, 3), 3, filters=[16, 64], dropout=0.1))
    return classifier(body.input, body.output)


def small_backbone(side: int):
    """As EfficientNetV2B0, with a block of each kind: the same layers, fewer of them."""
    plain, residual, _, squeezing, *_ = DEFAULT_BLOCKS_ARGS["efficientnetv2-b0"]
    return EfficientNetV2(
        width_coefficient=0.5,
        depth_coefficient=1.0,
        default_size=side,
        blocks_args=[plain, residual, {**squeezing, "input_filters": residual["output_filters"], "num_repeat": 1}],
        name="efficientnetv2-b0",
        include_top=False,
        weights=None,
        input_shape=(side, side, 3),
        pooling="avg",
    )
