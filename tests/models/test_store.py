"""Models as folders: equal bytes, the same answers by every way in, other backbones refused."""

import json

import numpy as np
import pytest

from scenes.common.errors import InputError
from scenes.dataset import records
from scenes.evaluation import inference
from scenes.models import backbone, cnn, finetuning, head, multilabel, store, weights
from scenes.models.features import (
    Features,
    check_informative,
    compute_features,
    describe_features,
    extract_features,
    load_features,
)
from scenes.models.temperature import scale
from tests.helpers.small_records import BYTES, CLASSES, SIZE, SPLITS
from tests.helpers.small_records import write as write_records

pytestmark = pytest.mark.usefixtures("deterministic")
CNN = {"filters": [8, 16], "dropout": 0.1}
HEAD = {"units": 8, "dropout": 0.1}
SEEN = 48  # pixels a side that the backbone sees
TEMPERATURE = 1.7


@pytest.fixture(scope="module")
def data(tmp_path_factory, deterministic):
    """A data folder with records, weights and features, as the stages leave it."""
    root = tmp_path_factory.mktemp("data")
    write_records(root / "records")
    (root / "weights").mkdir()
    weights.acquire(root / "weights", "EfficientNetV2B0", "random", sha256=None, partial=root)
    (root / "finetuned").mkdir()
    finetuning.save(root / "finetuned", None)
    embed(root, backbone.load(root / "weights", SEEN))
    return root


def embed(data, network, test_time_flip=False):
    """What the stage does, with ``network`` in the place of the backbone in ``data``."""
    (data / "features").mkdir()
    description = {
        **backbone.describe(data / "weights"),
        "image_size": SEEN,
        "test_time_flip": test_time_flip,
        "finetuned": finetuning.weights_hash(data / "finetuned"),
    }
    extractor = backbone.feature_extractor(network, test_time_flip=test_time_flip)
    extract_features(data / "features", extractor, data / "records", batch_size=16, description=description)


def save_contains(folder, network):
    """Write two second outputs for a model, which learned nothing."""
    folder.mkdir()
    width = network.get_layer("pool").output.shape[-1] if network.name == "cnn" else network.input_shape[-1]
    names = multilabel.PRESENCE, multilabel.PRESENCE_NAIVE
    multilabel.save(folder, {name: multilabel.build(width, 2, units=4, dropout=0.1) for name in names})


def save_cnn(folder):
    folder.mkdir()
    network = cnn.build((SIZE, SIZE, 3), 2, **CNN)
    described = {
        "kind": "cnn",
        "input": "records",
        "network": CNN,
        "image_shape": (SIZE, SIZE, 3),
        "classes": CLASSES,
        "temperature": TEMPERATURE,
    }
    store.save_network(folder, network, described)
    return network


def save_head(folder, data):
    folder.mkdir()
    width = load_features(data / "features", "train").features.shape[1]
    network = head.build(width, 2, **HEAD)
    head.standardise(network, load_features(data / "features", "train").features)
    described = {
        "kind": "head",
        "input": "features",
        "network": HEAD,
        "features": width,
        "backbone": describe_features(data / "features"),
        "classes": CLASSES,
        "temperature": TEMPERATURE,
    }
    store.save_network(folder, network, described)
    return network


def images_of(split):
    import io

    from PIL import Image

    return np.stack([np.asarray(Image.open(io.BytesIO(BYTES[key]))) for key, _ in SPLITS[split]])


def test_equal_weights_give_equal_bytes(tmp_path):
    import keras

    for name in "ab":
        keras.utils.set_random_seed(3)
        save_cnn(tmp_path / name)
    first, second = ({f.name: f.read_bytes() for f in (tmp_path / name).iterdir()} for name in "ab")
    assert first == second
    assert set(first) == {"model.json", "model.weights.h5"}


def test_only_the_network_is_kept_not_what_trained_it(tmp_path):
    import keras

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
    raw = network.predict(images, verbose=0)
    np.testing.assert_array_equal(store.load_network(tmp_path / "cnn").predict(images, verbose=0), raw)
    np.testing.assert_allclose(loaded.predict(images, verbose=0), scale(raw, TEMPERATURE), atol=1e-6)
    assert np.abs(scale(raw, TEMPERATURE) - raw).max() > 1e-3


def test_a_head_does_not_hold_the_backbone(tmp_path, data):
    save_head(tmp_path / "head", data)
    size = sum(file.stat().st_size for file in (tmp_path / "head").iterdir())
    assert size < (data / "weights" / "backbone.weights.h5").stat().st_size / 100


def test_the_whole_model_says_of_images_what_the_head_says_of_cached_features(tmp_path, data):
    save_head(tmp_path / "head", data)
    assert_whole_says_what_the_head_says(tmp_path / "head", data)


def assert_whole_says_what_the_head_says(folder, data):
    whole = store.load(folder, data)
    by_image = dict(zip((k for k, _ in SPLITS["train"]), whole.predict(images_of("train"), verbose=0), strict=True))
    cached = inference.predict(folder, data, "train")
    for key, probabilities in zip(cached.key, cached.probabilities, strict=True):
        np.testing.assert_allclose(by_image[key], probabilities, atol=1e-5)


def test_both_outputs_of_a_cnn_come_back(tmp_path, data):
    network = save_cnn(tmp_path / "cnn")
    save_contains(tmp_path / "presence", network)
    images = images_of("train")
    found = store.load(tmp_path / "cnn", data, tmp_path / "presence").predict(images, verbose=0)
    assert set(found) == {"probabilities", "presence"}
    calibrated = store.load(tmp_path / "cnn", data).predict(images, verbose=0)
    np.testing.assert_allclose(found["probabilities"], calibrated, atol=1e-6)
    second = multilabel.load(tmp_path / "presence")
    expected = second.predict(cnn.penultimate(network).predict(images, verbose=0), verbose=0)
    np.testing.assert_allclose(found["presence"], expected, atol=1e-6)
    every = store.load_outputs(tmp_path / "cnn", tmp_path / "presence").predict(images, verbose=0)
    assert set(every) == {"probabilities", "presence", "presence_naive"}
    np.testing.assert_allclose(every["presence"], expected, atol=1e-6)
    assert np.abs(every["presence"] - every["presence_naive"]).max() > 1e-3


def test_both_outputs_on_images_are_those_on_cached_features(tmp_path, data):
    save_contains(tmp_path / "presence", save_head(tmp_path / "head", data))
    found = store.load(tmp_path / "head", data, tmp_path / "presence").predict(images_of("train"), verbose=0)
    cached = load_features(data / "features", "train")
    by_features = store.load_outputs(tmp_path / "head", tmp_path / "presence").predict(cached.features, verbose=0)
    row = {key.encode(): index for index, (key, _) in enumerate(SPLITS["train"])}
    order = [row[key] for key in cached.key]
    for name in ("probabilities", "presence"):
        np.testing.assert_allclose(found[name][order], by_features[name], atol=1e-5)


def test_predictions_of_a_cnn_carry_keys_labels_and_probabilities(tmp_path, data):
    network = save_cnn(tmp_path / "cnn")
    found = inference.predict(tmp_path / "cnn", data, "train")
    expected = dict(zip((k for k, _ in SPLITS["train"]), network.predict(images_of("train"), verbose=0), strict=True))
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
    assert some.temperature == TEMPERATURE


def test_another_backbone_is_refused(tmp_path, data):
    save_contains(tmp_path / "presence", save_head(tmp_path / "head", data))
    (tmp_path / "weights").mkdir()
    described = backbone.describe(data / "weights") | {"sha256": "0" * 64}
    (tmp_path / "weights" / "backbone.json").write_text(json.dumps(described))
    (tmp_path / "finetuned").mkdir()
    finetuning.save(tmp_path / "finetuned", None)
    with pytest.raises(InputError, match="trained on another backbone"):
        store.load(tmp_path / "head", tmp_path)
    with pytest.raises(InputError, match="trained on another backbone"):
        store.load(tmp_path / "head", tmp_path, tmp_path / "presence")


@pytest.fixture(scope="module")
def tuned(data, tmp_path_factory):
    """As ``data``, but the backbone's last block has been moved, and an image is embedded with its mirror image."""
    root = tmp_path_factory.mktemp("tuned")
    for name in ("weights", "records"):
        (root / name).symlink_to(data / name)
    network = backbone.load(root / "weights", SEEN)
    finetuning.unfreeze(network, 1)
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(variable.numpy() + rng.normal(size=variable.shape, scale=0.05))
    (root / "finetuned").mkdir()
    finetuning.save(root / "finetuned", network)
    embed(root, network, test_time_flip=True)
    return root


def test_the_whole_model_holds_the_fine_tuned_backbone(tmp_path, data, tuned):
    save_head(tmp_path / "head", tuned)
    assert_whole_says_what_the_head_says(tmp_path / "head", tuned)
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
    with pytest.raises(InputError, match=r"trained on another backbone.*dvc repro"):
        store.load(tmp_path / "head", tmp_path)


def test_a_head_on_the_frozen_backbone_refuses_a_fine_tuned_one(tmp_path, data, tuned):
    save_head(tmp_path / "head", data)
    with pytest.raises(InputError, match="trained on another backbone"):
        store.load(tmp_path / "head", tuned)


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="there is no model in"):
        store.load(tmp_path / "nowhere", tmp_path)


def test_features_come_back_and_hold_no_pickle(data):
    import zipfile

    loaded = load_features(data / "features", "val")
    assert sorted(loaded.key.tolist()) == sorted(k.encode() for k, _ in SPLITS["val"])
    assert loaded.features.dtype == np.float32
    assert loaded.classes == CLASSES
    with zipfile.ZipFile(data / "features" / "val.npz") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_features_that_overflow_stop_in_one_sentence(data, bad):
    import tensorflow as tf

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
