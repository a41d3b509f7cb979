"""Grad-CAM against maps computed by hand, on networks small enough for that, and on both kinds of models."""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from scenes.backbones import backbone, finetuning
from scenes.evaluation import gradcam
from scenes.models import keras_file, store
from tests.helpers.model_folders import FROZEN, TUNED, save_cnn, save_linear, write_data
from tests.helpers.pictures import picture
from tests.helpers.shallow_backbone import shallow_backbone  # noqa: F401

pytestmark = pytest.mark.usefixtures("deterministic", "shallow_backbone")


def maps_of(network):
    """As the stage has them, but not compiled."""
    return functools.partial(gradcam.activation_maps, network)


def pixels_as_features():
    """A network whose last activations are the pixels, and its classifier's weights (3 features, 2 classes)."""
    import keras
    from keras import layers

    inputs = keras.Input((None, None, 3))
    activations = layers.Conv2D(3, 1, activation="relu", name="convolution")(inputs)
    pooled = layers.GlobalAveragePooling2D()(activations)
    network = keras.Model(inputs, layers.Dense(2, activation="softmax", name="probabilities")(pooled))
    network.get_layer("convolution").set_weights([np.eye(3)[None, None], np.zeros(3)])
    weights = np.array([[1.0, 0.5], [-2.0, 0.0], [0.5, 1.0]])
    network.get_layer("probabilities").set_weights([weights, np.array([3.0, -3.0])])
    return network, weights


def test_after_a_global_pooling_it_is_the_class_activation_map():
    """Section 3.1 of the paper: the gradient at each of the four places is a quarter of the class's weight."""
    network, _ = pixels_as_features()
    image = np.array([[[40, 10, 0], [10, 40, 0]], [[0, 0, 80], [0, 0, 0]]], np.uint8)
    maps = gradcam.activation_maps(network, np.stack([image, image]), np.array([0, 1]))
    # 40 - 2 * 10 = 20, 10 - 2 * 40 < 0, 80 / 2 = 40; and 40 / 2 = 20, 10 / 2 = 5, 80.
    np.testing.assert_allclose(maps, np.array([[[20, 0], [40, 0]], [[20, 5], [80, 0]]]) / 4, rtol=1e-6)
    assert maps.dtype == np.float32


def test_the_heat_is_where_the_class_is():
    network, _ = pixels_as_features()
    images = np.zeros((2, 12, 12, 3), np.uint8)
    images[0, 2:5, 7:11, 0] = 200
    images[1, ..., 1] = 200
    heats = gradcam.heat_maps(maps_of(network), images, np.array([0, 0]))
    assert heats.shape == (2, 12, 12)
    np.testing.assert_array_equal(heats[0] == 1, images[0, ..., 0] > 0)
    assert not heats[1].any()  # only what speaks against it


def test_more_images_than_a_batch_are_no_different():
    network, _ = pixels_as_features()
    images = np.stack([picture(number, 12, 12) for number in range(gradcam.BATCH_SIZE + 3)])
    targets = np.arange(len(images)) % 2
    together = gradcam.heat_maps(maps_of(network), images, targets)
    alone = [gradcam.heat_maps(maps_of(network), images[i : i + 1], targets[i : i + 1])[0] for i in range(len(images))]
    np.testing.assert_array_equal(together, alone)


def test_a_backbone_inside_used_twice_and_a_hidden_layer():
    """The chain rule by hand: classifier, the hidden layer's ReLU, the mean over the flip, the pooling."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    seen = keras.Input((4, 6, 3))
    squeezed = layers.Dense(3)(layers.GlobalAveragePooling2D()(seen))  # a pooling that is not the last one
    activations = layers.Activation("relu")(layers.Conv2D(5, 3)(seen * keras.ops.expand_dims(squeezed, (1, 2))))
    backbone = keras.Model(seen, layers.GlobalAveragePooling2D()(activations))
    backbone.trainable = False
    features = keras.Input((5,))
    hidden = layers.Dense(7, activation="relu", name="hidden")(features)
    head = keras.Model(features, layers.Dense(4, activation="softmax", name="probabilities")(hidden))
    inputs = keras.Input((4, 6, 3))
    mean = (backbone(inputs) + backbone(keras.ops.flip(inputs, axis=2))) / 2
    whole = keras.Model(inputs, head(mean))

    images = np.random.default_rng(0).normal(size=(3, 4, 6, 3)).astype(np.float32)
    targets = np.array([2, 0, 3])
    maps = gradcam.activation_maps(whole, images, targets)

    last = keras.Model(seen, activations).predict(images, verbose=0)
    flipped = keras.Model(seen, activations).predict(images[:, :, ::-1], verbose=0)
    mean = (last + flipped).mean(axis=(1, 2)) / 2
    first, bias = head.get_layer("hidden").get_weights()
    second = head.get_layer("probabilities").get_weights()[0]
    active = mean @ first + bias > 0
    weights = (active * second[:, targets].T) @ first.T / 2 / (last.shape[1] * last.shape[2])
    expected = np.maximum(np.einsum("nk,nijk->nij", weights, last), 0)
    assert expected.max() > 0
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("levels", ["top", "blocks"])
@pytest.mark.parametrize("flip", [False, True])
def test_backbones_side_by_side_are_explained_by_the_last_maps_of_each(levels, flip, tmp_path):
    """By hand: the weight of a channel is the mean gradient over its places; the maps are added at the finer size."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)

    def body(stride: int, channels: int) -> keras.Model:
        pixels = keras.Input((16, 16, 3))
        earlier = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(pixels)
        last = layers.Conv2D(channels, 3, strides=stride, padding="same", activation="relu", name="last")(earlier)
        # Not the mean alone, so that the features differ in their gradients.
        features = layers.Dense(3, use_bias=False)(layers.GlobalAveragePooling2D()(last))
        return keras.Model(pixels, features, name=f"stride_{stride}")

    bodies = [body(2, 5), body(4, 6)]
    network = backbone.side_by_side(bodies, levels=levels)
    extractor = backbone.feature_extractor(network, test_time_flip=flip)
    features = keras.Input((network.output_shape[-1],))
    head = keras.Model(features, layers.Dense(3, activation="softmax", name="probabilities")(features))
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
    targets = np.array([2, 0])
    whole = finetuning.classifier(extractor, head)
    keras_file.save(tmp_path / "model.keras", whole)
    maps = [
        gradcam.activation_maps(each, images, targets) for each in (whole, keras_file.load(tmp_path / "model.keras"))
    ]

    weights = head.get_layer("probabilities").get_weights()[0]
    expected, start = 0.0, 0
    for each in bodies:
        last = keras.Model(each.input, each.get_layer("last").output)(images.astype(np.float32)).numpy()
        if levels == "top":
            channels = each.layers[-1].get_weights()[0] @ weights[start : start + 3, targets]
            start += 3
        else:  # the means of both maps, then their deviations, whose gradients add up to 0
            channels = weights[start + 4 : start + 4 + last.shape[-1], targets]
            start += 2 * (4 + last.shape[-1])
        coarse = np.einsum("kn,nijk->nij", channels / 16 / (1 + flip), last)[..., None]
        expected += keras.ops.convert_to_numpy(keras.ops.image.resize(coarse, (4, 4), interpolation="bilinear"))
    assert expected.max() > 0
    for found in maps:
        np.testing.assert_allclose(found, np.maximum(expected[..., 0], 0), rtol=1e-3, atol=1e-3 * expected.max())


@pytest.fixture(scope="module")
def folders(tmp_path_factory, shallow_backbone):  # noqa: F811
    """A trained model's folder and its data, by kind."""
    base = tmp_path_factory.mktemp("models")
    (base / "data").mkdir()
    data = write_data(base / "data")
    save_cnn(base / "cnn")
    save_linear(base / "linear", data, FROZEN)
    save_linear(base / "flip", data, TUNED)
    return {kind: (base / kind, data) for kind in ("cnn", "linear", "flip")}


@pytest.mark.parametrize("kind", ["cnn", "linear", "flip"])
def test_every_kind_of_model_is_explained_and_stays_as_it_was(kind, folders):
    network = store.load(*folders[kind])
    images = np.stack([picture(number, 32, 32) for number in range(3)])
    targets = np.array([0, 1, 1])
    before = np.asarray(network(images, training=False))
    heats = gradcam.heat_maps(maps_of(network), images, targets)
    assert heats.shape == images.shape[:3]
    assert heats.dtype == np.float32
    assert 0 <= heats.min() < heats.max() == 1
    compiled = gradcam.compiled(network, (32, 32, 3))
    with ThreadPoolExecutor(4) as pool:
        for again in pool.map(lambda _: gradcam.heat_maps(compiled, images, targets), range(4)):
            np.testing.assert_allclose(again, heats, atol=1e-5)
    np.testing.assert_array_equal(network(images, training=False), before)
    assert not any("call" in vars(layer) for layer in gradcam._layers(network))
