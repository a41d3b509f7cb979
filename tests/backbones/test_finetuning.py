"""Fine-tuning: which layers learn, that just these do, and that what they learned is all that is kept of it."""

import hashlib

import keras
import numpy as np
import pytest

from scenes.backbones import backbone, finetuning
from scenes.common.errors import InputError
from scenes.training import fit
from tests.helpers.shallow_backbone import shallow

pytestmark = pytest.mark.usefixtures("deterministic")
SIZE = 32
# The number of the last block: Tan & Le 2019, table 1, and 2021, table 4.
LAST = {"EfficientNetLite0": 7, "EfficientNetV2B0": 6, "EfficientNetV2S": 6, "EfficientNetV2L": 7}


def build(name="EfficientNetV2B0"):
    """What ``backbone.load`` returns, with weights drawn."""
    keras.utils.set_random_seed(0)
    network = backbone.build(name, SIZE)
    network.trainable = False
    return network


@pytest.fixture(scope="module")
def network(deterministic):
    return build()


def learned(network) -> set[str]:
    return {variable.path for variable in network.trainable_variables}


def convolutions(network, *prefixes) -> set[str]:
    """The weights but for those of batch normalisation, whose are called otherwise; by the paths alone."""
    paths = {variable.path for variable in network.weights if variable.path.split("/")[-1] in ("kernel", "bias")}
    return {path for path in paths if path.startswith(prefixes)} if prefixes else paths


def test_the_last_block_is_the_last_and_what_follows_it(network):
    finetuning.unfreeze(network, 1)
    assert learned(network) == convolutions(network, "block6", "top_")
    assert "top_conv/kernel" in learned(network)


def test_more_blocks_begin_earlier_and_all_includes_the_stem(network):
    finetuning.unfreeze(network, 2)
    assert learned(network) == convolutions(network, "block5", "block6", "top_")
    finetuning.unfreeze(network, 6)
    assert learned(network) == convolutions(network, "block", "top_")
    finetuning.unfreeze(network, None)
    assert learned(network) == convolutions(network)
    assert "stem_conv/kernel" in learned(network)
    finetuning.unfreeze(network, 1)  # it also takes back
    assert learned(network) == convolutions(network, "block6", "top_")


@pytest.mark.parametrize("name", ["EfficientNetLite0", "EfficientNetV2S", "EfficientNetV2L"])
def test_the_rule_holds_for_the_other_networks(name):
    with shallow():
        large, last = build(name), LAST[name]
    finetuning.unfreeze(large, 1)
    assert learned(large) == convolutions(large, f"block{last}", "top_")
    finetuning.unfreeze(large, last)
    assert learned(large) == convolutions(large, "block", "top_")
    finetuning.unfreeze(large, None)
    assert learned(large) == convolutions(large)


@pytest.mark.parametrize("name", ["EfficientNetLite0", "EfficientNetV2B0"])
def test_a_step_moves_what_is_to_learn_and_nothing_else(name, tmp_path):
    """And what is saved of it brings the trained network back, bit by bit, from the weights it began with."""
    with shallow():
        network, again = build(name), build(name)
    finetuning.unfreeze(network, 1)
    probe = keras.Sequential([keras.Input((network.output_shape[-1],)), keras.layers.Dense(3, activation="softmax")])
    classifier = finetuning.classifier(backbone.feature_extractor(network), probe)
    fit.compile_classifier(classifier, 0.1, optimizer="adam", weight_decay=None, label_smoothing=0.0)
    classifier.run_eagerly = True  # for a single step, tracing it would take most of the time
    before = {variable.path: variable.numpy() for variable in network.weights}
    images = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3)).astype(np.uint8)
    classifier.train_on_batch(images, np.eye(3, dtype=np.float32)[[0, 1, 2, 0]])

    changed = {variable.path for variable in network.weights if (variable.numpy() != before[variable.path]).any()}
    assert changed == convolutions(network, f"block{LAST[name]}", "top_")
    assert not {path for path in changed if "moving_" in path}

    finetuning.save(tmp_path, network)
    with np.load(tmp_path / finetuning.WEIGHTS) as file:
        assert set(file.files) == changed
    assert finetuning.weights_hash(tmp_path) == hashlib.sha256((tmp_path / finetuning.WEIGHTS).read_bytes()).hexdigest()
    frozen = again(images.astype(np.float32), training=False).numpy()
    finetuning.load(tmp_path, again)
    for variable in network.weights:
        found = next(other for other in again.weights if other.path == variable.path)
        assert found.numpy().tobytes() == variable.numpy().tobytes(), variable.path
    features = [body(images.astype(np.float32), training=False).numpy() for body in (network, again)]
    assert features[0].tobytes() == features[1].tobytes() != frozen.tobytes()


def test_equal_weights_give_equal_files(tmp_path, network):
    finetuning.unfreeze(network, 1)
    for name in "ab":
        (tmp_path / name).mkdir()
        finetuning.save(tmp_path / name, network)
    files = [{file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in "ab"]
    assert files[0] == files[1]
    assert set(files[0]) == {"finetuned.npz", "finetuned.json"}


def test_damaged_weights_are_refused(tmp_path, network):
    finetuning.unfreeze(network, 1)
    finetuning.save(tmp_path, network)
    file = tmp_path / finetuning.WEIGHTS
    content = file.read_bytes()
    for bad in (b"", content[:2000], content[:-1] + bytes([content[-1] ^ 1])):
        file.write_bytes(bad)
        with pytest.raises(InputError, match=r"finetuned\.npz is damaged; make it again with `dvc repro`"):
            finetuning.load(tmp_path, network)


def test_without_fine_tuning_nothing_is_loaded(tmp_path, network):
    finetuning.save(tmp_path, None)
    assert [file.name for file in tmp_path.iterdir()] == ["finetuned.json"]
    assert finetuning.weights_hash(tmp_path) is None
    before = [variable.numpy() for variable in network.weights]
    finetuning.load(tmp_path, network)
    for variable, value in zip(network.weights, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def small(name):
    """A network that is quick, and sees left from right."""
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(2, 5, strides=4, name=name),
            keras.layers.Flatten(),
        ]
    )


def test_weights_of_another_network_are_not_put_in_silently(tmp_path):
    finetuning.save(tmp_path, small("one"))
    with pytest.raises(KeyError):
        finetuning.load(tmp_path, small("another"))


IMAGES = np.random.default_rng(1).integers(0, 256, (3, 12, 12, 3)).astype(np.uint8)


def test_without_a_flip_it_is_the_plain_network():
    network = small("conv")
    found = backbone.feature_extractor(network)(IMAGES).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, network(IMAGES.astype(np.float32)).numpy(), rtol=1e-4, atol=1e-3)


def test_with_a_flip_it_is_the_mean_of_an_image_and_its_mirror_image():
    network = small("conv")
    plain, mirrored = (network(images.astype(np.float32)).numpy() for images in (IMAGES, IMAGES[:, :, ::-1]))
    assert np.abs(plain - mirrored).max() > 1, "a network that sees no difference shows nothing"
    found = backbone.feature_extractor(network, test_time_flip=True)(IMAGES).numpy()
    np.testing.assert_allclose(found, (plain + mirrored) / 2, rtol=1e-4, atol=1e-3)


def test_a_larger_image_is_mirrored_too():
    network = small("conv")
    larger = np.random.default_rng(2).integers(0, 256, (2, 20, 28, 3)).astype(np.uint8)
    one, two = (backbone.feature_extractor(network, test_time_flip=flip) for flip in (False, True))
    expected = (one(larger).numpy() + one(larger[:, :, ::-1]).numpy()) / 2
    np.testing.assert_allclose(two(larger).numpy(), expected, rtol=1e-4, atol=1e-2)
