"""EfficientNet-Lite: the published sizes, and the numbers that NumPy gets from the tensors in the package."""

import importlib.resources
import math

import numpy as np
import pytest

from scenes.backbones import efficientnet_lite, lite_weights, torch_file
from scenes.backbones.backbone import BACKBONES
from scenes.common.errors import InputError

pytestmark = pytest.mark.usefixtures("deterministic")
LITES = list(efficientnet_lite.COEFFICIENTS)
# Blocks of each stage, as Tan & Le's table 1 and the depths 1.0, 1.1 and 1.2 give them, and the stages' strides.
BLOCKS = {
    "EfficientNetLite0": [1, 2, 2, 3, 3, 4, 1],
    "EfficientNetLite1": [1, 3, 3, 4, 4, 5, 1],
    "EfficientNetLite2": [1, 3, 3, 4, 4, 5, 1],
}
STRIDES = [1, 2, 2, 2, 1, 2, 1]
# https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite: millions, with the classifier.
PARAMETERS = {"EfficientNetLite0": 4.7, "EfficientNetLite1": 5.4, "EfficientNetLite2": 6.1}


def tensors_of(name: str) -> dict[str, np.ndarray]:
    package = BACKBONES[name].imagenet
    return torch_file.read_tensors(importlib.resources.files(package.name.replace("-", "_")) / package.file)


def convolve(x: np.ndarray, kernel: np.ndarray, strides: int) -> np.ndarray:
    """Convolve (height, width, channels) with PyTorch's (filters, channels or 1, k, k), padded as TensorFlow does."""
    size = kernel.shape[-1]
    sides = [max((math.ceil(side / strides) - 1) * strides + size - side, 0) for side in x.shape[:2]]
    x = np.pad(x, [*((side // 2, side - side // 2) for side in sides), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(0, 1))[::strides, ::strides]
    if kernel.shape[1] == 1 and x.shape[2] > 1:
        return np.einsum("hwcij,cij->hwc", windows, kernel[:, 0])
    return np.tensordot(windows, kernel, axes=([2, 3, 4], [1, 2, 3]))


def reference(name: str, tensors: dict[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Return the features (1280,) of one image, in float64 from the tensors alone."""
    tensors = {key: value.astype(np.float64) for key, value in tensors.items()}

    def normalise(x, module):
        gamma, beta, mean, variance = (
            tensors[f"{module}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def relu6(x):
        return np.clip(x, 0, 6)

    x = (pixels - 127.0) / 128.0
    x = relu6(normalise(convolve(x, tensors["_conv_stem.weight"], 2), "_bn0"))
    strides = [
        STRIDES[stage] if index == 0 else 1 for stage, blocks in enumerate(BLOCKS[name]) for index in range(blocks)
    ]
    for number, step in enumerate(strides):
        block, inputs = f"_blocks.{number}", x
        if f"{block}._expand_conv.weight" in tensors:
            x = relu6(normalise(convolve(x, tensors[f"{block}._expand_conv.weight"], 1), f"{block}._bn0"))
        x = relu6(normalise(convolve(x, tensors[f"{block}._depthwise_conv.weight"], step), f"{block}._bn1"))
        x = normalise(convolve(x, tensors[f"{block}._project_conv.weight"], 1), f"{block}._bn2")
        if x.shape == inputs.shape:
            x = x + inputs
    return relu6(normalise(convolve(x, tensors["_conv_head.weight"], 1), "_bn1")).mean(axis=(0, 1))


SIDES = {"EfficientNetLite0": 61, "EfficientNetLite1": 32, "EfficientNetLite2": 40}


@pytest.fixture(scope="module")
def pretrained(deterministic):
    """Each network with its ImageNet weights, built once: that takes longer than all else."""
    networks = {name: efficientnet_lite.build(name, side) for name, side in SIDES.items()}
    for name, network in networks.items():
        lite_weights.assign(network, tensors_of(name))
    return networks


@pytest.mark.parametrize("name", ["EfficientNetLite0", "EfficientNetLite2"])
def test_the_features_are_those_that_numpy_gets(name, pretrained):
    """At sides that are odd somewhere on the way down, where TensorFlow pads one end more than the other."""
    side, tensors = SIDES[name], tensors_of(name)
    images = np.random.default_rng(0).integers(0, 256, (2, side, side, 3)).astype(np.float32)
    images[1] = np.linspace(0, 255, side)[:, None, None]
    found = pretrained[name](images, training=False).numpy()
    expected = np.stack([reference(name, tensors, pixels) for pixels in images])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert (np.abs(expected[0] - expected[1]) > 0.1).any()


@pytest.mark.parametrize("name", LITES)
def test_it_has_the_published_number_of_parameters(name, pretrained):
    network = pretrained[name]
    classifier = 1280 * 1000 + 1000
    trainable = sum(math.prod(variable.shape) for variable in network.trainable_variables)
    assert round((trainable + classifier) / 1e6, 1) == PARAMETERS[name]
    assert network.output_shape == (None, 1280)


def test_stochastic_depth_is_for_training_alone(pretrained):
    import keras

    keras.utils.set_random_seed(0)
    network = pretrained["EfficientNetLite1"]
    rates = [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == sorted(rates)
    assert 0 < rates[0] < rates[-1] < efficientnet_lite.DROP_CONNECT
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.float32)
    frozen = {variable.path: variable.numpy() for variable in network.non_trainable_variables}
    found = [network(images, training=training).numpy().tobytes() for training in (False, False, True, True)]
    assert found[0] == found[1]
    assert len(set(found)) == 3
    for variable in network.non_trainable_variables:  # the statistics of batch normalisation, and the seeds
        variable.assign(frozen[variable.path])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"_blocks.3._bn1.bias": None}, "there is no _blocks.3._bn1.bias for block3a_bn/beta"),
        ({"_blocks.16._bn1.bias": np.zeros(3)}, "no layer of EfficientNetLite0 takes _blocks.16._bn1.bias"),
        ({"_bn1.weight": np.zeros(3)}, r"_bn1.weight has the shape \(3,\) instead of the \(1280,\) of top_bn/gamma"),
        ({"_conv_stem.weight": np.zeros((32, 3, 5, 5))}, r"_conv_stem.weight has the shape \(5, 5, 3, 32\)"),
        ({"_conv_stem.weight": np.zeros(3)}, r"_conv_stem.weight has the shape \(3,\)"),
        ({"_bn0.running_mean": np.full(32, np.nan)}, "_bn0.running_mean has values that are not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_named_and_none_is_assigned(pretrained, change, sentence):
    network, tensors = pretrained["EfficientNetLite0"], tensors_of("EfficientNetLite0")
    before = network.get_layer("stem_conv").get_weights()[0]
    tensors["_conv_stem.weight"] = tensors["_conv_stem.weight"] + 1
    changed = {name: value for name, value in {**tensors, **change}.items() if value is not None}
    with pytest.raises(InputError, match=f"weights: {sentence}"):
        lite_weights.assign(network, changed)
    np.testing.assert_array_equal(network.get_layer("stem_conv").get_weights()[0], before)


def test_the_tensors_of_another_network_are_refused(pretrained):
    with pytest.raises(InputError, match="weights: "):
        lite_weights.assign(pretrained["EfficientNetLite0"], tensors_of("EfficientNetLite1"))
