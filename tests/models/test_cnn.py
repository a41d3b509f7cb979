"""The CNN: unchanged without a size of its own, and with one it sees what a resize outside would show it."""

import keras
import numpy as np
import pytest

from scenes.evaluation import gradcam
from scenes.models import classifier_features, cnn, store
from tests.helpers.small_records import CLASSES, SIZE
from tests.helpers.small_records import write as write_records

pytestmark = pytest.mark.usefixtures("deterministic")
SETTINGS = {"filters": [8, 16], "dropout": 0.1}
SMALLER = 20


def build(**settings) -> keras.Model:
    keras.utils.set_random_seed(0)
    return cnn.build((SIZE, SIZE, 3), len(CLASSES), **SETTINGS, **settings)


def images(count=5) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)


def test_without_a_size_there_is_no_resize():
    names = [layer.name for layer in build().layers]
    assert names[:3] == ["image", "rescale", "stem_conv"]
    assert build(image_size=None).to_json() == build().to_json()


def test_it_sees_its_image_as_a_resize_outside_shows_it():
    network = build(image_size=SMALLER)
    resized = keras.ops.image.resize(images().astype(np.float32), (SMALLER, SMALLER), interpolation="bicubic")
    keras.utils.set_random_seed(0)
    small = cnn.build((SMALLER, SMALLER, 3), len(CLASSES), **SETTINGS)
    small.set_weights(network.get_weights())
    expected = small(keras.ops.clip(resized, 0.0, 255.0), training=False)
    np.testing.assert_allclose(network(images(), training=False), expected, atol=1e-5)
    assert network.input_shape == (None, SIZE, SIZE, 3)
    assert network.get_layer("stem_conv").output.shape[1] == SMALLER // 2
    weights = [variable.shape for variable in network.weights]
    assert weights == [variable.shape for variable in build().weights]


def test_a_folder_of_it_is_opened_by_all_that_open_folders(tmp_path):
    network = build(image_size=SMALLER)
    folder = tmp_path / "model"
    folder.mkdir()
    description = {
        "kind": "cnn",
        "input": "records",
        "network": {**SETTINGS, "image_size": SMALLER},
        "image_shape": (SIZE, SIZE, 3),
        "classes": CLASSES,
        "temperature": 1.0,
        "calibrated": False,
    }
    store.save_network(folder, network, description)
    write_records(tmp_path / "records")
    loaded = store.load(folder, tmp_path)
    found = loaded(images(), training=False)
    np.testing.assert_allclose(found, network(images(), training=False), atol=1e-6)
    assert classifier_features.load(folder, tmp_path, "train").features.shape == (41, 16)
    (tmp_path / "production").mkdir()
    described = {"model": "m", "fit": "crop", "drawn": False, "unsure_below": 0.5, "unlike_above": 0.1, "presence": {}}
    store.save_production(tmp_path / "production", loaded, description | described)
    again, _ = store.load_production(tmp_path / "production")
    np.testing.assert_array_equal(again(images(), training=False), found)
    maps = gradcam.activation_maps(loaded, images(), np.zeros(5, np.int64))
    assert maps.shape == (5, 3, 3)  # of 20 pixels, halved three times
