"""A network by its dotted name: what it is built as, what comes of it in production, and every way to get it wrong."""

import numpy as np
import pytest

from scenes.backbones import backbone, dotted_name, finetuning, weights
from scenes.common.errors import InputError
from scenes.models import keras_file

pytestmark = pytest.mark.usefixtures("deterministic")
OWN = "tests.helpers.small_networks."
SIDE = 40


def images(count=2, side=SIDE):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3)).astype(np.uint8)


@pytest.mark.parametrize("mode", ["none", "unit", "tf", "torch", "caffe"])
def test_pixels_are_scaled_as_keras_applications_does(mode):
    import keras

    pixels = keras.Input((SIDE, SIDE, 3))
    found = keras.Model(pixels, dotted_name.scale(pixels, mode))(images().astype(np.float32))
    expected = images().astype(np.float32) / (255 if mode == "unit" else 1)
    if mode in ("tf", "torch", "caffe"):
        expected = keras.applications.imagenet_utils.preprocess_input(expected.copy(), mode=mode)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "scaling", "levels"),
    [("keras.applications.MobileNetV3Small", "none", "top"), (f"{OWN}tiny", "torch", "blocks")],
)
def test_a_network_by_its_name_loads_again_with_keras_alone(name, scaling, levels, tmp_path):
    import keras

    weights.acquire(tmp_path, name, "random", scaling=scaling, sha256=None, partial=tmp_path)
    described = backbone.describe(tmp_path)
    assert (described["backbone"], described["scaling"]) == (name, scaling)
    network = backbone.load(tmp_path, SIDE, levels=levels)
    extractor = backbone.feature_extractor(network, test_time_flip=True)
    found = extractor(images(), training=False).numpy()
    assert found.dtype == np.float32 and found.std(axis=0).max() > 0
    keras_file.save(tmp_path / "model.keras", extractor)
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(again(images(), training=False), found)


def test_the_scaling_is_part_of_the_features_but_not_of_the_weights(tmp_path):
    folders = [tmp_path / mode for mode in ("none", "unit")]
    for folder in folders:
        folder.mkdir()
        weights.acquire(folder, f"{OWN}tiny", "random", scaling=folder.name, sha256=None, partial=tmp_path)
    plain, scaled = (backbone.load(folder, SIDE) for folder in folders)
    pixels = images().astype(np.float32)
    np.testing.assert_allclose(scaled(pixels), plain(pixels / 255), rtol=1e-5)
    assert backbone.describe(folders[0])["sha256"] == backbone.describe(folders[1])["sha256"]


def test_layers_without_names_are_fine_tuned_and_found_again(tmp_path):
    """Though Keras gives them other names, as it has built other networks meanwhile."""
    weights.acquire(tmp_path, f"{OWN}tiny", "random", scaling="tf", sha256=None, partial=tmp_path)
    network, again = (backbone.load(tmp_path, SIDE, levels="blocks") for _ in range(2))
    assert [v.path for v in network.variables] != [v.path for v in again.variables]
    finetuning.unfreeze(network, None)
    assert len(network.trainable_variables) == 8  # of four convolutions, not of batch normalisation
    for number, variable in enumerate(network.trainable_variables, 1):
        variable.assign(variable.numpy() + number)
    folder = tmp_path / "finetuned"
    folder.mkdir()
    finetuning.save(folder, network)
    before = again(images().astype(np.float32)).numpy()
    finetuning.load(folder, again)
    found = again(images().astype(np.float32)).numpy()
    assert np.abs(found - before).max() > 1
    np.testing.assert_array_equal(found, network(images().astype(np.float32)))
    with pytest.raises(InputError, match=r"finetune\.blocks: .* set blocks to null"):
        finetuning.unfreeze(network, 1)


def test_a_network_inside_is_fine_tuned_too():
    network = backbone.build(f"{OWN}inside", SIDE)
    finetuning.unfreeze(network, None)
    assert len(network.trainable_variables) == 10


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("EfficientNetLite9", "there is no EfficientNetLite9; give one of EfficientNetLite0, "),
        ("EfficientNetLite0+", "there is no backbone without a name"),
        (f"{OWN}tiny+{OWN}tiny", "names one twice"),
        ("no_such_module.network", "cannot be imported (No module named 'no_such_module')"),
        (f"{OWN}absent", "cannot be imported (module 'tests.helpers.small_networks' has no attribute 'absent')"),
        (f"{OWN}NUMBER", "is not a function"),
        (f"{OWN}failing", "with weights=None at 40 pixels failed (at least 32 pixels)"),
        (f"{OWN}nothing", "does not return a Keras network"),
        (f"{OWN}unpooled", "does not return a Keras network"),
        (f"{OWN}flat", "does not return a Keras network"),
    ],
)
def test_what_is_no_backbone_is_one_sentence(name, sentence):
    with pytest.raises(InputError, match="backbone: ") as caught:
        backbone.build(name, SIDE)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_imagenet_is_asked_of_the_function_and_its_failure_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"weights='imagenet' at 224 pixels failed \(no such server\); check"):
        weights.acquire(tmp_path, f"{OWN}tiny", "imagenet", sha256=None, partial=tmp_path)
    assert list(tmp_path.iterdir()) == []
