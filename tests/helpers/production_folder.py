"""A folder as `select` writes it, with a small network that has learned nothing, and a checkout around it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from scenes.models import cnn, store, training_distance
from tests.code_facts import ROOT

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


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, deterministic) -> Path:
    """See :func:`save`."""
    return save(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def checkout_folder(tmp_path_factory, model_folder) -> Path:
    """A checkout as far as the command looks: the parameters as committed, and the model above in production."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "scenes").mkdir()
    shutil.copytree(model_folder, folder / "models/production")
    return folder
