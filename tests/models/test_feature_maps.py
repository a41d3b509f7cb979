"""Levels: by hand on a small network, and at the published strides of the known ones."""

import numpy as np
import pytest

from scenes.common.errors import InputError
from scenes.models import backbone, feature_maps
from tests.helpers import small_networks
from tests.helpers.shallow_backbone import shallow

pytestmark = pytest.mark.usefixtures("deterministic")
SHAPE = (40, 40, 3)


@pytest.fixture(scope="module")
def tiny(deterministic):
    return small_networks.tiny(False, None, SHAPE, "avg")


def test_a_level_is_the_mean_of_the_last_map_at_its_resolution(tiny):
    import keras

    maps = feature_maps.level_maps(tiny)
    # From 40 pixels by a half each; neither the padded map of 21 nor the squeezed one of 1 is a level.
    assert [tuple(each.shape[1:]) for each in maps] == [(5, 5, 8), (10, 10, 6), (20, 20, 4)]
    images = np.random.default_rng(0).uniform(0, 255, (3, *SHAPE)).astype(np.float32)
    outputs = keras.Model(tiny.input, maps)(images, training=False)
    expected = np.concatenate([np.asarray(each).mean(axis=(1, 2)) for each in outputs], axis=1)
    for levels, width in ((1, 8), (2, 14), (3, 18)):
        found = feature_maps.with_levels(tiny, levels)(images, training=False)
        np.testing.assert_allclose(found, expected[:, :width], rtol=1e-5)
    (product,) = (layer.output for layer in tiny.layers if isinstance(layer, keras.layers.Multiply))
    assert maps[1] is product


@pytest.mark.parametrize("name", backbone.BACKBONES)
def test_the_known_networks_have_five_resolutions(name):
    """Strides of 32, 16, 8, 4 and 2: Tan & Le 2019, table 1, and 2021, table 4. The image itself is none."""
    with shallow():
        network = backbone.build(name, 64)
    assert [each.shape[1] for each in feature_maps.level_maps(network)] == [2, 4, 8, 16, 32]
    (top,) = feature_maps.top_layers(network)
    assert top.name == "top_activation"


def test_more_levels_than_there_are_and_a_model_inside_are_one_sentence(tiny):
    with pytest.raises(InputError, match=r"3 resolutions at 40 pixels; set levels to 3 or less$"):
        feature_maps.with_levels(tiny, 4)
    inside = small_networks.inside(False, None, SHAPE, "avg")
    assert feature_maps.with_levels(inside, 1) is inside
    with pytest.raises(InputError, match="has a model inside it"):
        feature_maps.with_levels(inside, 2)


def test_the_features_are_float32_whatever_the_precision(tiny):
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = small_networks.tiny(False, None, SHAPE, "avg")
        assert network.output.dtype == "bfloat16"
        assert feature_maps.with_levels(network, 3).output.dtype == "float32"
    finally:
        keras.config.set_dtype_policy(policy)
