"""The features that a CNN's own classifier sees."""

import numpy as np
import pytest

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
