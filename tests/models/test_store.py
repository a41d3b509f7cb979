"""Models as folders: equal bytes, the same answers by every way in, other backbones refused."""

import json

import keras
import numpy as np
import pytest

from scenes.backbones import features
from scenes.backbones.features import describe_features, load_features
from scenes.common.errors import InputError
from scenes.evaluation import inference
from scenes.models import classifier_features, cnn, store, training_distance
from scenes.models.temperature import scale
from scenes.provenance import record
from tests.helpers.model_folders import (
    CNN,
    FROZEN,
    TEMPERATURE,
    TUNED,
    images_of,
    save_cnn,
    save_linear,
    write_data,
)
from tests.helpers.shallow_backbone import shallow_backbone  # noqa: F401
from tests.helpers.small_model import DESCRIPTION
from tests.helpers.small_records import CLASSES, SIZE, SPLITS

pytestmark = pytest.mark.usefixtures("deterministic", "shallow_backbone")


@pytest.fixture(scope="module")
def data(tmp_path_factory, shallow_backbone):  # noqa: F811
    """Records and two feature sets, as the stages leave them."""
    return write_data(tmp_path_factory.mktemp("data"))


def answers(network, inputs):
    """Run a network without tracing it first, which would take most of the time."""
    return keras.ops.convert_to_numpy(network(inputs, training=False))


def test_equal_weights_give_equal_bytes(tmp_path):
    for name in "ab":
        keras.utils.set_random_seed(3)
        save_cnn(tmp_path / name)
    first, second = ({f.name: f.read_bytes() for f in (tmp_path / name).iterdir()} for name in "ab")
    assert first == second
    assert set(first) == {"model.json", "model.weights.h5"}


def test_only_the_network_is_kept_not_what_trained_it(tmp_path):
    network = cnn.build((SIZE, SIZE, 3), 2, **CNN)
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        store.save_network(tmp_path / name, network, {})
        network.compile(keras.optimizers.AdamW(0.0), "categorical_crossentropy")
        network.optimizer.build(network.trainable_variables)
    first, second = ((tmp_path / name / "model.weights.h5").read_bytes() for name in ("before", "after"))
    assert first == second


def test_a_cnn_comes_back_as_it_was_but_calibrated(tmp_path, data):
    network = save_cnn(tmp_path / "cnn")
    loaded = store.load(tmp_path / "cnn", data)
    images = images_of("train")
    raw = answers(network, images)
    np.testing.assert_array_equal(answers(store.load_network(tmp_path / "cnn"), images), raw)
    np.testing.assert_allclose(answers(loaded, images), scale(raw, TEMPERATURE), atol=1e-6)
    assert np.abs(scale(raw, TEMPERATURE) - raw).max() > 1e-3


def test_a_linear_model_does_not_hold_the_backbone(tmp_path, data):
    save_linear(tmp_path / "linear", data)
    size = sum(file.stat().st_size for file in (tmp_path / "linear").iterdir())
    assert size < (data / FROZEN / "backbone.weights.h5").stat().st_size / 5


@pytest.mark.parametrize("name", [FROZEN, TUNED])
def test_the_whole_model_agrees_with_the_one_on_cached_features(tmp_path, data, name):
    save_linear(tmp_path / "linear", data, name)
    whole = store.load(tmp_path / "linear", data)
    by_image = dict(zip((k for k, _ in SPLITS["train"]), answers(whole, images_of("train")), strict=True))
    cached = inference.predict(tmp_path / "linear", data, "train")
    for key, probabilities in zip(cached.key, cached.probabilities, strict=True):
        np.testing.assert_allclose(by_image[key], probabilities, atol=1e-5)


def test_the_features_of_many_images_are_read_in_blocks(tmp_path, data, monkeypatch):
    save_linear(tmp_path / "linear", data)
    at_once = inference.predict(tmp_path / "linear", data, "train")
    monkeypatch.setattr(features, "BLOCK", 16)
    in_blocks = inference.predict(tmp_path / "linear", data, "train")
    assert in_blocks.key.tolist() == at_once.key.tolist()
    np.testing.assert_allclose(in_blocks.probabilities, at_once.probabilities, atol=1e-6)


def test_the_features_of_two_sets_differ(data):
    """Else the test above would pass with the backbone of the other set."""
    frozen, tuned = (load_features(data / name, "train").features[:] for name in (FROZEN, TUNED))
    assert np.abs(frozen - tuned).max() > 1e-3


@pytest.mark.parametrize("kind", ["cnn", "linear"])
def test_the_distance_on_images_is_that_of_their_features_and_changes_no_probability(kind, tmp_path, data):
    if kind == "cnn":
        save_cnn(tmp_path / kind)
    else:
        save_linear(tmp_path / kind, data)
    train, validation = (classifier_features.load(tmp_path / kind, data, split) for split in ("train", "val"))
    store.save_production(tmp_path, store.load(tmp_path / kind, data), DESCRIPTION)
    store.save_training_features(tmp_path, training_distance.choose(train.features, train.label))
    network, _ = store.load_production(tmp_path)
    training = store.load_training_features(tmp_path)
    outputs = training_distance.with_distance(network, training)(images_of("val"), training=False)
    np.testing.assert_allclose(outputs["probabilities"], answers(network, images_of("val")), atol=1e-6)
    expected = dict(zip(validation.key, training_distance.distances(validation.features, training), strict=True))
    np.testing.assert_allclose(outputs["distance"], [expected[key.encode()] for key, _ in SPLITS["val"]], atol=1e-5)
    assert set(training_distance.with_distance(network, None)(images_of("val"), training=False)) == {"probabilities"}


def test_predictions_of_a_cnn_carry_keys_labels_and_probabilities(tmp_path, data):
    network = save_cnn(tmp_path / "cnn")
    found = inference.predict(tmp_path / "cnn", data, "train")
    expected = dict(zip((k for k, _ in SPLITS["train"]), answers(network, images_of("train")), strict=True))
    assert dict(zip(found.key, found.label, strict=True)) == {k: CLASSES.index(c) for k, c in SPLITS["train"]}
    for key, uncalibrated, probabilities in zip(found.key, found.uncalibrated, found.probabilities, strict=True):
        np.testing.assert_allclose(uncalibrated, expected[key], atol=1e-6)
        np.testing.assert_allclose(probabilities, scale(expected[key][None], TEMPERATURE)[0], atol=1e-6)
    table = found.table()
    assert list(table) == ["key", "actual", "predicted", "confidence"]
    assert list(table["key"]) == sorted(k for k, _ in SPLITS["train"])
    by_key = dict(zip(found.key, found.probabilities.max(axis=1), strict=True))
    np.testing.assert_allclose(table["confidence"], [by_key[key] for key in table["key"]], atol=1e-6)
    some = found.only({"t/1.jpg", "t/2.jpg", "elsewhere"})
    assert len(some.label) == len(some.probabilities) == 2
    assert some.calibration == (TEMPERATURE, True)


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"image_size": 64}, {"test_time_flip": True}])
def test_another_backbone_is_refused(tmp_path, data, change):
    save_linear(tmp_path / "linear", data)
    described = describe_features(data / FROZEN) | change
    (tmp_path / FROZEN).mkdir(parents=True)
    (tmp_path / FROZEN / "backbone.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match=r"trained on a backbone other than the one in .*frozen; run `dvc repro`"):
        store.load(tmp_path / "linear", tmp_path)


def test_the_backbone_of_another_set_is_refused(tmp_path, data):
    save_linear(tmp_path / "linear", data, TUNED)
    (tmp_path / "features").mkdir()
    (tmp_path / TUNED).symlink_to(data / FROZEN)
    with pytest.raises(InputError, match=r"trained on a backbone other than the one in .*tuned"):
        store.load(tmp_path / "linear", tmp_path)


def test_damaged_weights_are_one_sentence(tmp_path):
    save_cnn(tmp_path / "cnn")
    file = tmp_path / "cnn/model.weights.h5"
    content = file.read_bytes()
    file.write_bytes(content[:2000])  # nothing has the hash of the file, but Keras notices
    with pytest.raises(InputError, match=r"model\.weights\.h5 is damaged; make it again with `dvc repro`"):
        store.load_network(tmp_path / "cnn")
    file.write_bytes(content)
    record.write(tmp_path / "cnn", {})  # and the hashes of all files
    for at in range(0, len(content), len(content) // 9):
        file.write_bytes(content[:at] + bytes([content[at] ^ 64]) + content[at + 1 :])
        with pytest.raises(InputError, match=r"model\.weights\.h5 is damaged"):
            store.load_network(tmp_path / "cnn")


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"model\.json is missing; make it with"):
        store.load(tmp_path / "nowhere", tmp_path)
