"""The linear probe against scikit-learn's own pipeline: the same probabilities from features as they are."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scenes.models.features import Features
from scenes.training import linear_probe

pytestmark = pytest.mark.usefixtures("deterministic")


def features(seed):
    """Three overlapping clusters, in features of very different scales and one that is constant."""
    rng = np.random.default_rng(seed)
    label = np.arange(120) % 3
    rows = rng.normal(size=(120, 6)) + 1.5 * np.eye(6)[label]
    rows = rows * [1, 10, 0.01, 1, 100, 0] + [0, 5, 0, -3, 0, 2]
    return Features(np.array([b"x"] * 120), label, rows.astype(np.float32), ("a", "b", "c"))


@pytest.mark.parametrize("C", [0.01, 1.0])
def test_it_says_what_scikit_learn_says(C):
    data, other = features(0), features(1)
    network = linear_probe.build(6, 3)
    linear_probe.fit(network, data, C=C)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500))
    reference.fit(data.features.astype(np.float64), data.label)
    found = network.predict(other.features, verbose=0)
    np.testing.assert_allclose(found, reference.predict_proba(other.features), atol=1e-4)
    assert (found.argmax(axis=1) == other.label).mean() > 0.6


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("class_weight", ["none", "balanced"])
def test_it_weighs_the_classes_and_takes_two_of_them(classes, class_weight):
    data, other = features(0), features(1)
    kept = (data.label < classes) & ((data.label != 1) | (np.arange(120) < 30))
    data = Features(data.key[kept], data.label[kept], data.features[kept], data.classes[:classes])
    network = linear_probe.build(6, classes)
    linear_probe.fit(network, data, C=0.1, class_weight=class_weight)
    weights = None if class_weight == "none" else class_weight
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500, class_weight=weights))
    reference.fit(data.features.astype(np.float64), data.label)
    found = network.predict(other.features, verbose=0)
    np.testing.assert_allclose(found, reference.predict_proba(other.features), atol=1e-4)
