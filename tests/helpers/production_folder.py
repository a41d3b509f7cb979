"""A folder as `select` writes it, with a small network that has learned nothing."""

from pathlib import Path

from scenes.models import cnn, store

CLASSES = ["buildings", "forest", "glacier", "mountain", "sea", "street"]


def save(folder: Path) -> Path:
    """Write model.keras and model.json into an existing folder; return it. TensorFlow must be set up."""
    import keras

    keras.utils.set_random_seed(0)
    seen = cnn.penultimate(cnn.build((32, 32, 3), len(CLASSES), filters=[8, 16], dropout=0.1))
    start = keras.initializers.RandomNormal(stddev=2.0, seed=1)  # so that answers differ from image to image
    outputs = {
        name: keras.layers.Dense(len(CLASSES), activation, kernel_initializer=start, name=name)(seen.output)
        for name, activation in (("probabilities", "softmax"), ("presence", "sigmoid"))
    }
    description = {
        "model": "baseline",
        "classes": CLASSES,
        "image_shape": [32, 32, 3],
        "fit": "crop",
        "calibrated": True,
        "unsure_below": 0.5,
        "presence_above": 0.5,
        "presence_calibration": {"slope": 1.0, "intercept": 0.0},
    }
    store.save_production(folder, keras.Model(seen.input, outputs), description)
    return folder
