"""Features of all labelled images: in the order of the splits, and those that the CNN's own classifier sees."""

import numpy as np
import pytest

from scenes.backbones.features import Features, load_labelled_features, save_features
from scenes.dataset import records
from scenes.models import classifier_features, cnn, store
from tests.helpers.small_records import CLASSES, SIZE, SPLITS
from tests.helpers.small_records import write as write_records

pytestmark = pytest.mark.usefixtures("deterministic")
CNN = {"filters": [8, 16], "dropout": 0.1}


def test_the_classifier_of_the_cnn_gives_its_own_probabilities(tmp_path):
    write_records(tmp_path / "records")
    network = cnn.build((SIZE, SIZE, 3), 2, **CNN)
    (tmp_path / "cnn").mkdir()
    description = {
        "kind": "cnn",
        "input": "records",
        "network": CNN,
        "image_shape": (SIZE, SIZE, 3),
        "classes": CLASSES,
    }
    store.save_network(tmp_path / "cnn", network, description)

    found = classifier_features.load(tmp_path / "cnn", tmp_path, "train")

    stored = records.load(records.open_records(tmp_path / "records", "train"))
    assert found.key.tolist() == stored["key"].tolist()
    labels = {key.encode(): CLASSES.index(label) for key, label in SPLITS["train"]}
    assert found.label.tolist() == [labels[key] for key in found.key]
    assert found.features.shape == (len(labels), 16)
    classified = network.get_layer("probabilities")(found.features).numpy()
    np.testing.assert_allclose(classified, network(stored["image"], training=False), atol=1e-5)


def test_cached_features_are_joined_in_the_order_of_the_splits(tmp_path):
    parts, classes = {}, ("a", "b", "c", "d")
    for number, split in enumerate(("pred", "test", "train", "val")):
        keys = np.array([f"{split}/{n}".encode() for n in range(number + 2)])
        parts[split] = Features(keys, np.full(len(keys), number), np.full((len(keys), 3), number, np.float32), classes)
        save_features(tmp_path / f"{split}.npz", parts[split])
    found = load_labelled_features(tmp_path)
    assert found.key.tolist() == [key for split in ("train", "val", "test") for key in parts[split].key.tolist()]
    assert found.label.tolist() == [2] * 4 + [3] * 5 + [1] * 3
    np.testing.assert_array_equal(found.features[:, 0], found.label)
    assert found.classes == classes
