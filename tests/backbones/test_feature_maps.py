"""Features of blocks: by hand on a small network, and at the published strides of the known ones."""

import re

import numpy as np
import pytest

from scenes.backbones import backbone, feature_maps
from scenes.common.errors import InputError
from tests.helpers import small_networks
from tests.helpers.shallow_backbone import shallow

pytestmark = pytest.mark.usefixtures("deterministic")
SHAPE = (40, 40, 3)


@pytest.fixture(scope="module")
def tiny(deterministic):
    return small_networks.tiny(False, None, SHAPE, "avg")


def test_the_features_of_a_block_are_the_mean_and_the_deviation_of_its_last_map(tiny):
    import keras

    maps = feature_maps.block_maps(tiny)  # it has no blocks in its names
    # From 40 pixels by a half each; neither the padded map of 21 nor the squeezed one of 1 is a level.
    assert [tuple(each.shape[1:]) for each in maps] == [(20, 20, 4), (10, 10, 6), (5, 5, 8)]
    images = np.random.default_rng(0).uniform(0, 255, (3, *SHAPE)).astype(np.float32)
    outputs = [np.asarray(each) for each in keras.Model(tiny.input, maps)(images, training=False)]
    expected = [np.mean(each, axis=(1, 2)) for each in outputs] + [np.std(each, axis=(1, 2)) for each in outputs]
    found = feature_maps.with_levels(tiny, "blocks")(images, training=False)
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), rtol=1e-4, atol=2e-3)
    assert feature_maps.with_levels(tiny, "top") is tiny
    (product,) = (layer.output for layer in tiny.layers if isinstance(layer, keras.layers.Multiply))
    assert maps[1] is product


def test_a_flat_map_has_a_gradient():
    """The deviation of a black image is 0, where a root has none."""
    import tensorflow as tf

    network = feature_maps.with_levels(small_networks.tiny(False, None, SHAPE, "avg"), "blocks")
    for weight in network.weights:
        weight.assign(weight * 0)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(network(np.zeros((1, *SHAPE), np.float32)))
    assert all(np.isfinite(each).all() for each in tape.gradient(total, network.trainable_variables))


@pytest.mark.parametrize("name", backbone.BACKBONES)
def test_the_known_networks_have_their_blocks_and_five_resolutions(name):
    """Tan & Le 2019, table 1, and 2021, table 4: strides of 32, 16, 8, 4 and 2, and the ends of the blocks."""
    with shallow():
        network = backbone.build(name, 64)
    strides = (
        [32, 16, 8, 8, 4, 2] if name.endswith(("V2B0", "V2B1", "V2B2", "V2B3", "V2S")) else [32, 16, 8, 4, 4, 2, 2]
    )
    rows = [each.shape[1] for each in feature_maps.block_maps(network)]
    assert sorted(rows, reverse=True) == rows
    assert len(rows) == len(strides)
    assert [each.shape[1] for each in feature_maps.resolution_maps(network)] == [32, 16, 8, 4, 2]
    ends = [each._keras_history.operation.name for each in feature_maps.block_maps(network)]
    assert all(re.search("add$|project_bn$|project_activation$", end) for end in ends), ends
    (top,) = feature_maps.top_layers(network)
    assert top.name == "top_activation"
    (top,) = feature_maps.top_layers(feature_maps.with_levels(network, "blocks"))
    assert top.name == ends[-1]


def test_a_model_inside_is_one_sentence():
    inside = small_networks.inside(False, None, SHAPE, "avg")
    assert feature_maps.with_levels(inside, "top") is inside
    with pytest.raises(InputError, match="has a model inside it"):
        feature_maps.with_levels(inside, "blocks")


def test_the_features_are_float32_whatever_the_precision():
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = small_networks.tiny(False, None, SHAPE, "avg")
        assert network.output.dtype == "bfloat16"
        assert feature_maps.with_levels(network, "blocks").output.dtype == "float32"
    finally:
        keras.config.set_dtype_policy(policy)
