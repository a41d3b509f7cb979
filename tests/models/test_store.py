"""Models as folders: equal bytes, the same answers by every way in, other backbones refused."""

import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from scenes.common.errors import InputError
from scenes.dataset import records
from scenes.evaluation import inference
from scenes.models import backbone, cnn, finetuning, multilabel, store
from scenes.models.features import Features, check_informative, compute_features, load_features
from scenes.models.temperature import scale
from tests.helpers.model_folders import (
    CNN,
    SEEN,
    TEMPERATURE,
    images_of,
    save_cnn,
    save_head,
    save_multilabel,
    write_data,
    write_tuned_data,
)
from tests.helpers.shallow_backbone import shallow_backbone  # noqa: F401
from tests.helpers.small_records import CLASSES, SIZE, SPLITS

pytestmark = pytest.mark.usefixtures("deterministic", "shallow_backbone")


@pytest.fixture(scope="module")
def data(tmp_path_factory, shallow_backbone):  # noqa: F811
    """Records, weights and features, as the stages leave them."""
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def tuned(data, tmp_path_factory):
    """The same with a fine-tuned backbone."""
    return write_tuned_data(tmp_path_factory.mktemp("tuned"), data)


def answers(network, inputs):
    """Run a network without tracing it first, which would take most of the time; a dict for several outputs."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, network(inputs, training=False))


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


def test_a_head_does_not_hold_the_backbone(tmp_path, data):
    save_head(tmp_path / "head", data)
    size = sum(file.stat().st_size for file in (tmp_path / "head").iterdir())
    assert size < (data / "weights" / "backbone.weights.h5").stat().st_size / 5


def test_the_whole_model_agrees_with_the_head_on_cached_features(tmp_path, data):
    save_head(tmp_path / "head", data)
    assert_whole_agrees_with_head(tmp_path / "head", data)


def assert_whole_agrees_with_head(folder, data):
    whole = store.load(folder, data)
    by_image = dict(zip((k for k, _ in SPLITS["train"]), answers(whole, images_of("train")), strict=True))
    cached = inference.predict(folder, data, "train")
    for key, probabilities in zip(cached.key, cached.probabilities, strict=True):
        np.testing.assert_allclose(by_image[key], probabilities, atol=1e-5)


def test_both_outputs_of_a_cnn_come_back(tmp_path, data):
    network = save_cnn(tmp_path / "cnn")
    save_multilabel(tmp_path / "presence", network)
    images = images_of("train")
    found = answers(store.load(tmp_path / "cnn", data, tmp_path / "presence"), images)
    assert set(found) == {"probabilities", "presence"}
    calibrated = answers(store.load(tmp_path / "cnn", data), images)
    np.testing.assert_allclose(found["probabilities"], calibrated, atol=1e-6)
    second = multilabel.load(tmp_path / "presence")
    expected = answers(second, answers(cnn.penultimate(network), images))
    np.testing.assert_allclose(found["presence"], expected, atol=1e-6)
    every = answers(store.load_outputs(tmp_path / "cnn", tmp_path / "presence"), images)
    assert set(every) == {"probabilities", "presence", "presence_naive"}
    np.testing.assert_allclose(every["presence"], expected, atol=1e-6)
    assert np.abs(every["presence"] - every["presence_naive"]).max() > 1e-3


def test_both_outputs_on_images_are_those_on_cached_features(tmp_path, data):
    save_multilabel(tmp_path / "presence", save_head(tmp_path / "head", data))
    found = answers(store.load(tmp_path / "head", data, tmp_path / "presence"), images_of("train"))
    cached = load_features(data / "features", "train")
    by_features = answers(store.load_outputs(tmp_path / "head", tmp_path / "presence"), cached.features)
    row = {key.encode(): index for index, (key, _) in enumerate(SPLITS["train"])}
    order = [row[key] for key in cached.key]
    for name in ("probabilities", "presence"):
        np.testing.assert_allclose(found[name][order], by_features[name], atol=1e-5)


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


def test_another_backbone_is_refused(tmp_path, data):
    save_multilabel(tmp_path / "presence", save_head(tmp_path / "head", data))
    (tmp_path / "weights").mkdir()
    described = backbone.describe(data / "weights") | {"sha256": "0" * 64}
    (tmp_path / "weights" / "backbone.json").write_text(json.dumps(described))
    (tmp_path / "finetuned").mkdir()
    finetuning.save(tmp_path / "finetuned", None)
    with pytest.raises(InputError, match="trained on a backbone other than the one"):
        store.load(tmp_path / "head", tmp_path)
    with pytest.raises(InputError, match="trained on a backbone other than the one"):
        store.load(tmp_path / "head", tmp_path, tmp_path / "presence")


def test_the_whole_model_holds_the_fine_tuned_backbone(tmp_path, data, tuned):
    save_head(tmp_path / "head", tuned)
    assert_whole_agrees_with_head(tmp_path / "head", tuned)
    # Else the test would pass without what was fine-tuned.
    features = [load_features(root / "features", "train").features for root in (data, tuned)]
    assert np.abs(features[0] - features[1]).max() > 1e-3


@pytest.mark.parametrize("found", ["none", "others"])
def test_a_backbone_that_was_fine_tuned_otherwise_is_refused(tmp_path, data, tuned, found):
    save_head(tmp_path / "head", tuned)
    (tmp_path / "weights").symlink_to(tuned / "weights")
    (tmp_path / "finetuned").mkdir()
    if found == "none":
        finetuning.save(tmp_path / "finetuned", None)
    else:
        network = backbone.load(tuned / "weights", SEEN)
        finetuning.unfreeze(network, 1)
        finetuning.save(tmp_path / "finetuned", network)
    with pytest.raises(InputError, match=r"trained on a backbone other than the one.*dvc repro"):
        store.load(tmp_path / "head", tmp_path)


def test_a_head_on_the_frozen_backbone_refuses_a_fine_tuned_one(tmp_path, data, tuned):
    save_head(tmp_path / "head", data)
    with pytest.raises(InputError, match="trained on a backbone other than the one"):
        store.load(tmp_path / "head", tuned)


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="there is no model in"):
        store.load(tmp_path / "nowhere", tmp_path)


def test_features_come_back_and_hold_no_pickle(data):
    loaded = load_features(data / "features", "val")
    assert sorted(loaded.key.tolist()) == sorted(k.encode() for k, _ in SPLITS["val"])
    assert loaded.features.dtype == np.float32
    assert loaded.classes == CLASSES
    with zipfile.ZipFile(data / "features" / "val.npz") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_features_that_overflow_stop_in_one_sentence(data, bad):
    def overflowing(images):
        return tf.fill((tf.shape(images)[0], 5), tf.constant(bad, tf.float32))

    with pytest.raises(InputError, match="not finite"):
        compute_features(overflowing, records.open_records(data / "records", "val"), batch_size=2)


def test_constant_features_stop_in_one_sentence():
    rows = np.tile(np.array([[1.0, 1e6, 0.0]], np.float32), (10, 1))
    constant = Features(np.array([b"k"] * 10), np.zeros(10, int), rows, CLASSES)
    with pytest.raises(InputError, match="the same features for every image"):
        check_informative(constant)
    rows[0, 0] = 2.0
    check_informative(constant)
