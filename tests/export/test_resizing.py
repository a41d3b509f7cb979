"""Resizing as matrix products, held against Keras' layer."""

import keras
import numpy as np
import pytest

from scenes.backbones import backbone
from scenes.export import graph

pytestmark = pytest.mark.usefixtures("deterministic")


@pytest.mark.parametrize(("height", "width"), [(48, 48), (24, 40), (32, 32)])
def test_it_gives_what_the_layer_gives(height, width):
    inputs = keras.Input((None, None, 3))
    layer = keras.layers.Resizing(32, 32, interpolation="bicubic", dtype="float32", name="resize")
    network = keras.Model(inputs, layer(inputs))
    images = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), np.uint8)
    replaced = graph.resizing_as_products(network, height, width)
    assert not any(isinstance(layer, keras.layers.Resizing) for layer in replaced.layers)
    np.testing.assert_allclose(replaced(images), network(images), atol=1e-3)


def test_all_else_of_a_network_stays_and_is_shared():
    inputs = keras.Input((16, 16, 3))
    body = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs)))
    network = backbone.feature_extractor(body, test_time_flip=True)
    replaced = graph.resizing_as_products(network, 24, 24)
    images = np.random.default_rng(0).integers(0, 256, (3, 24, 24, 3), np.uint8)
    np.testing.assert_allclose(replaced(images), network(images), atol=1e-3)
    assert [id(variable) for variable in replaced.variables] == [id(variable) for variable in network.variables]
