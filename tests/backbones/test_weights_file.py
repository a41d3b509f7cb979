"""A file of weights that does not fit: the first layer that is missing, of another shape or too many is named."""

import keras
import numpy as np
import pytest

from scenes.backbones import weights_file
from scenes.common.errors import InputError

pytestmark = pytest.mark.usefixtures("deterministic")
LAYERS = {"one": 4, "two": 5, "three": 5, "four": 6}


def build(layers):
    """A convolution and its normalisation each, with the filters that ``layers`` gives by name."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((8, 8, 3))
    for name, filters in layers.items():
        x = keras.layers.Conv2D(filters, 1, name=name)(x)
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    return keras.Model(inputs, x)


def write_older(network, path):
    """The layout of the official files: a group for each layer, in their order."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([layer.name for layer in network.layers], "S")
        for layer in network.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{variable.name}:0" for variable in layer.weights]
            group.attrs["weight_names"] = np.array(names, "S")
            for name, variable in zip(names, layer.weights, strict=True):
                group[name] = variable.numpy()


def written(network, folder, suffix):
    path = folder / f"file{suffix}"
    (network.save_weights if suffix == ".weights.h5" else lambda path: write_older(network, path))(path)
    return path


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_what_fits_is_loaded(suffix, tmp_path):
    network = build(LAYERS)
    path = written(network, tmp_path, suffix)
    expected = [each.numpy() for each in network.variables]
    network.set_weights([np.zeros_like(each) for each in expected])
    weights_file.load(network, path, "Small")
    for variable, value in zip(network.variables, expected, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"two": None}, "it has no layer two"),
        ({"four": None}, "it has no layer four"),
        ({"three": 7}, "it has three with the shapes 1x1x5x7, 7 in the place of three with the shapes 1x1x5x5, 5"),
        ({"one": 8, "four": 9}, "it has one with the shapes 1x1x3x8, 8 in the place of one with the shapes 1x1x3x4, 4"),
    ],
)
def test_the_first_layer_that_does_not_fit_is_named(change, sentence, suffix, tmp_path):
    other = {name: filters for name, filters in {**LAYERS, **change}.items() if filters}
    path = written(build(other), tmp_path, suffix)
    with pytest.raises(InputError, match="does not hold the weights of Small") as caught:
        weights_file.load(build(LAYERS), path, "Small")
    assert f"({sentence});" in str(caught.value)


def test_a_layer_too_many_is_named(tmp_path):
    path = written(build({**LAYERS, "five": 3}), tmp_path, ".h5")
    with pytest.raises(InputError, match="it also has a layer five"):
        weights_file.load(build(LAYERS), path, "Small")


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_what_is_no_such_file_is_one_sentence(suffix, tmp_path):
    path = written(build(LAYERS), tmp_path, suffix)
    for content in (path.read_bytes()[:2000], b"no weights", b""):
        path.write_bytes(content)
        with pytest.raises(InputError, match="does not hold the weights of Small") as caught:
            weights_file.load(build(LAYERS), path, "Small", source="file:x")
        assert "\n" not in str(caught.value) and "file:x" in str(caught.value)
