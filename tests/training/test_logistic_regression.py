"""The linear classifier against scikit-learn's own pipeline, and the C that it takes."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from scenes.backbones.features import Features
from scenes.models import linear
from scenes.training import logistic_regression

pytestmark = pytest.mark.usefixtures("deterministic")
VALUES = [1.0, 0.001, 0.1, 0.01]


def features(seed, count=120, classes=3):
    """Overlapping clusters, in features of very different scales and one that is constant."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % classes
    rows = rng.normal(size=(count, 6)) + 1.5 * np.eye(6)[label]
    rows = rows * [1, 2, 0.5, 1, 3, 0] + [0, 5, 0, -3, 0, 2]
    return Features(np.array([b"x"] * count), label, rows.astype(np.float32), tuple("abc"[:classes]))


def reference(data, **settings):
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, tol=1e-8, **settings))
    return pipeline.fit(data.features.astype(np.float64), data.label)


def best(train, val, **settings):
    network = linear.build(6, len(train.classes))
    scores, table = logistic_regression.fit_best(network, train, val, **({"class_weight": "none"} | settings))
    assert scores in table.to_dict("records")
    return network, scores["C"], table


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("class_weight", ["none", "balanced"])
def test_it_says_what_scikit_learn_says(classes, class_weight):
    data, other = features(0, classes=classes), features(1)
    kept = (data.label != 1) | (np.arange(120) < 30)
    data = Features(data.key[kept], data.label[kept], data.features[kept], data.classes)
    network = linear.build(6, classes)
    logistic_regression.fit(network, data, C=0.1, class_weight=class_weight)
    expected = reference(data, C=0.1, class_weight=None if class_weight == "none" else class_weight)
    found = network.predict(other.features, verbose=0)
    np.testing.assert_allclose(found, expected.predict_proba(other.features), atol=1e-3)


def test_every_row_of_the_table_is_a_regression_of_its_own():
    """Although each starts from the one before."""
    train, val = features(0), features(1)
    _, _, table = best(train, val, C=VALUES)
    assert list(table["C"]) == sorted(VALUES)
    for row in table.itertuples():
        alone = reference(train, C=row.C)
        for split, accuracy, crossentropy in (
            (train, row.accuracy, row.crossentropy),
            (val, row.val_accuracy, row.val_crossentropy),
        ):
            assert crossentropy == pytest.approx(log_loss(split.label, alone.predict_proba(split.features)), abs=1e-3)
            assert accuracy == pytest.approx(alone.score(split.features, split.label), abs=1 / 120)


def test_the_least_calibrated_crossentropy_on_validation_is_taken():
    train, val = features(0), features(1)
    network, C, table = best(train, val, C=VALUES)
    assert table["val_calibrated_crossentropy"].min() == table.set_index("C")["val_calibrated_crossentropy"][C]
    assert (table["val_calibrated_crossentropy"] <= table["val_crossentropy"] + 1e-9).all()
    alone = linear.build(6, 3)
    logistic_regression.fit(alone, train, C=C)
    np.testing.assert_allclose(network.predict(val.features), alone.predict(val.features), atol=1e-3)


def test_of_equals_the_strongest_penalty_is_taken():
    """Of features that say nothing, nothing is learned, whatever C is."""
    train, val = features(0), features(1)
    blank = [Features(s.key, s.label, np.ones_like(s.features), s.classes) for s in (train, val)]
    _, C, table = best(*blank, C=VALUES)
    assert min(VALUES) == C
    np.testing.assert_allclose(table["val_crossentropy"], np.log(3), rtol=1e-6)


def test_six_validation_images_are_enough():
    _, C, table = best(features(0), features(1, count=6), C=VALUES)
    assert C in VALUES
    np.testing.assert_allclose(table["val_calibrated_crossentropy"], table["val_crossentropy"], rtol=1e-9)


def test_the_table_is_read_back(tmp_path):
    import pandas as pd

    _, _, table = best(features(0), features(1), C=VALUES)
    logistic_regression.write_table(tmp_path / "a.tsv", table)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "a.tsv", sep="\t"), table, rtol=1e-5)


def test_the_linear_algebra_has_one_thread(monkeypatch):
    """Whatever the caller allows: sums that threads share are rounded in another order."""
    fit, seen = LogisticRegression.fit, []

    def fit_and_look(self, *data):
        seen.extend(pool["num_threads"] for pool in threadpool_info())
        return fit(self, *data)

    monkeypatch.setattr(LogisticRegression, "fit", fit_and_look)
    with threadpool_limits(2):
        best(features(0), features(1), C=VALUES)
        logistic_regression.fit(linear.build(6, 3), features(0), C=0.1)
        assert {pool["num_threads"] for pool in threadpool_info()} == {2}
    assert set(seen) == {1}
