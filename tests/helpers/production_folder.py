"""A folder as `select` writes it, with a small network that has learned nothing."""

from pathlib import Path

import numpy as np

from scenes.models import cnn, store, training_distance

CLASSES = ["buildings", "forest", "glacier", "mountain", "sea", "street"]


def save(folder: Path) -> Path:
    """Write what `select` writes into an existing folder; return it. TensorFlow must be set up."""
    import keras

    keras.utils.set_random_seed(0)
    seen = cnn.penultimate(cnn.build((32, 32, 3), len(CLASSES), filters=[8, 16], dropout=0.1))
    start = keras.initializers.RandomNormal(stddev=2.0, seed=1)  # so that answers differ from image to image
    end = keras.layers.Dense(len(CLASSES), "softmax", kernel_initializer=start, name="probabilities")
    description = {
        "model": "baseline",
        "classes": CLASSES,
        "image_shape": [32, 32, 3],
        "fit": "crop",
        "drawn": False,
        "calibrated": True,
        "unsure_below": 0.5,
        "unlike_above": 0.01,
        "presence": {"slope": [1.0] * len(CLASSES), "intercept": [-1.0] * len(CLASSES)},
    }
    store.save_production(folder, keras.Model(seen.input, end(seen.output)), description)
    features = seen(np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), np.uint8)).numpy()
    store.save_training_features(folder, training_distance.choose(features, np.arange(9) % 3))
    return folder
