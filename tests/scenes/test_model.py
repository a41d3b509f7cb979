"""Models as folders: equal bytes, the same answers by every way in, foreign backbones refused."""

import json

import numpy as np
import pytest

from scenes import backbone, cnn, embeddings, head, inference, model, model_folder, records, weights
from scenes.errors import InputError
from tests.scenes.test_records import BYTES, CLASSES, SIZE, SPLITS
from tests.scenes.test_records import write as write_records

pytestmark = pytest.mark.usefixtures("deterministic")
CNN = {"filters": [8, 16], "dropout": 0.1}
HEAD = {"units": 8, "dropout": 0.1}


@pytest.fixture(scope="module")
def data(tmp_path_factory, deterministic):
    """A data folder with records, weights and embeddings, as the stages leave it."""
    root = tmp_path_factory.mktemp("data")
    write_records(root / "records")
    (root / "weights").mkdir()
    weights.acquire(root / "weights", "EfficientNetV2B0", "random", sha256=None, partial=root)
    embed = embeddings.compiled(backbone.load(root / "weights", 48))
    (root / "embeddings").mkdir()
    for split in records.splits(root / "records"):
        opened = records.open_records(root / "records", split)
        batches = records.ordered_batches(opened, 16)
        result = embeddings.compute(embed, batches, count=opened.count, classes=opened.classes, desc=split)
        embeddings.save(root / "embeddings" / f"{split}.npz", result)
    embeddings.save_origin(root / "embeddings", {**backbone.describe(root / "weights"), "image_size": 48})
    return root


def save_cnn(folder):
    folder.mkdir()
    network = cnn.build((SIZE, SIZE, 3), 2, **CNN)
    described = {"kind": "cnn", "input": "records", "network": CNN, "image_shape": (SIZE, SIZE, 3), "classes": CLASSES}
    model_folder.save(folder, network, described)
    return network


def save_head(folder, data):
    folder.mkdir()
    width = embeddings.load(data / "embeddings", "train").features.shape[1]
    network = head.build(width, 2, **HEAD)
    head.standardise(network, embeddings.load(data / "embeddings", "train").features)
    described = {
        "kind": "head",
        "input": "embeddings",
        "network": HEAD,
        "features": width,
        "backbone": embeddings.origin(data / "embeddings"),
        "classes": CLASSES,
    }
    model_folder.save(folder, network, described)
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


def test_a_cnn_comes_back_as_it_was(tmp_path, data):
    network = save_cnn(tmp_path / "cnn")
    loaded = model.load(tmp_path / "cnn", data / "weights")
    images = images_of("train")
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), network.predict(images, verbose=0))


def test_a_head_does_not_hold_the_backbone(tmp_path, data):
    save_head(tmp_path / "head", data)
    size = sum(file.stat().st_size for file in (tmp_path / "head").iterdir())
    assert size < (data / "weights" / "backbone.weights.h5").stat().st_size / 100


def test_the_whole_model_says_of_images_what_the_head_says_of_cached_features(tmp_path, data):
    save_head(tmp_path / "head", data)
    whole = model.load(tmp_path / "head", data / "weights")
    by_image = dict(zip((k for k, _ in SPLITS["train"]), whole.predict(images_of("train"), verbose=0), strict=True))
    cached = inference.predict(tmp_path / "head", data, "train")
    for key, probabilities in zip(cached.key, cached.probabilities, strict=True):
        np.testing.assert_allclose(by_image[key], probabilities, atol=1e-5)


def test_predictions_of_a_cnn_carry_keys_labels_and_probabilities(tmp_path, data):
    network = save_cnn(tmp_path / "cnn")
    found = inference.predict(tmp_path / "cnn", data, "train")
    expected = dict(zip((k for k, _ in SPLITS["train"]), network.predict(images_of("train"), verbose=0), strict=True))
    assert dict(zip(found.key, found.label, strict=True)) == {k: CLASSES.index(c) for k, c in SPLITS["train"]}
    for key, probabilities in zip(found.key, found.probabilities, strict=True):
        np.testing.assert_allclose(probabilities, expected[key], atol=1e-6)
    table = found.table()
    assert list(table) == ["key", "actual", "predicted", "confidence"]
    assert list(table["key"]) == sorted(k for k, _ in SPLITS["train"])
    assert len(found.only({"t/1.jpg", "t/2.jpg", "elsewhere"}).label) == 2


def test_another_backbone_is_refused(tmp_path, data):
    save_head(tmp_path / "head", data)
    (tmp_path / "weights").mkdir()
    described = backbone.describe(data / "weights") | {"sha256": "0" * 64}
    (tmp_path / "weights" / "backbone.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match="trained on another backbone"):
        model.load(tmp_path / "head", tmp_path / "weights")


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="there is no model in"):
        model.load(tmp_path / "nowhere", tmp_path)


def test_embeddings_come_back_and_hold_no_pickle(data):
    import zipfile

    loaded = embeddings.load(data / "embeddings", "val")
    assert sorted(loaded.key.tolist()) == sorted(k.encode() for k, _ in SPLITS["val"])
    assert loaded.features.dtype == np.float32
    assert loaded.classes == CLASSES
    with zipfile.ZipFile(data / "embeddings" / "val.npz") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def batch(count=4):
    import tensorflow as tf

    key = tf.constant([str(i) for i in range(count)])
    return [{"key": key, "image": tf.zeros((count, 8, 8, 3), tf.uint8), "label": tf.zeros(count, tf.int64)}]


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_features_that_overflow_stop_in_one_sentence(bad):
    import tensorflow as tf

    def overflowing(images):
        return tf.fill((tf.shape(images)[0], 5), tf.constant(bad, tf.float32))

    with pytest.raises(InputError, match="not finite"):
        embeddings.compute(overflowing, batch(), count=4, classes=CLASSES, desc="")


def test_constant_features_stop_in_one_sentence():
    rows = np.tile(np.array([[1.0, 1e6, 0.0]], np.float32), (10, 1))
    constant = embeddings.Embeddings(np.array([b"k"] * 10), np.zeros(10, int), rows, CLASSES)
    with pytest.raises(InputError, match="the same features for every image"):
        embeddings.check_informative(constant)
    rows[0, 0] = 2.0
    embeddings.check_informative(constant)
