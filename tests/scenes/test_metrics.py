"""Scores against scikit-learn, hand-computed values and a second implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from scenes import metrics

CLASSES = ("buildings", "forest", "glacier")


def drawn(count=200, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=count)
    probabilities = rng.dirichlet(np.ones(classes), count).astype(np.float32)
    return labels, probabilities


def test_scores_are_those_of_scikit_learn():
    labels, probabilities = drawn()
    predicted = probabilities.argmax(axis=1)
    scores = metrics.classification(labels, probabilities, CLASSES)
    report = sk.classification_report(labels, predicted, target_names=CLASSES, output_dict=True)
    assert scores["accuracy"] == pytest.approx(report["accuracy"], abs=1e-6)
    assert scores["macro_f1"] == pytest.approx(report["macro avg"]["f1-score"], abs=1e-6)
    for name in CLASSES:
        mine = scores["per_class"][name]
        assert mine["precision"] == pytest.approx(report[name]["precision"], abs=1e-6)
        assert mine["recall"] == pytest.approx(report[name]["recall"], abs=1e-6)
        assert mine["f1"] == pytest.approx(report[name]["f1-score"], abs=1e-6)
        assert mine["support"] == report[name]["support"]


def test_scores_by_hand():
    labels = np.array([0, 0, 1, 2])
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]], np.float32)
    scores = metrics.classification(labels, probabilities, CLASSES)
    assert scores["count"] == 4
    assert scores["accuracy"] == 0.5
    assert scores["top2_accuracy"] == 0.5
    assert scores["majority_class_accuracy"] == 0.5
    assert scores["crossentropy"] == pytest.approx(-np.log([0.5, 0.2, 0.8, 0.1]).mean(), abs=1e-6)
    # Bins of 1/15: 0.5 twice in one bin (right once), 0.8 right, 0.6 wrong: (|1 - 1.0| + |1 - 0.8| + |0 - 0.6|) / 4.
    assert scores["calibration"]["ece"] == pytest.approx((0.0 + 0.2 + 0.6) / 4, abs=1e-6)
    assert scores["hardest_pairs"] == {"buildings/forest": {"errors": 1}, "buildings/glacier": {"errors": 1}}


def second_ece(labels, probabilities, bins):
    """The definition, bin by bin."""
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    total = 0.0
    for number in range(bins):
        inside = [i for i, c in enumerate(confidence) if max(int(np.ceil(c * bins)) - 1, 0) == number]
        if inside:
            accuracy = np.mean([predicted[i] == labels[i] for i in inside])
            total += len(inside) / len(labels) * abs(accuracy - np.mean([confidence[i] for i in inside]))
    return total


@given(
    raw=hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(4)), elements=st.floats(0.001, 1)),
    bins=st.integers(1, 20),
    data=st.data(),
)
def test_ece_is_the_definition_and_between_0_and_1(raw, bins, data):
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    labels = data.draw(hnp.arrays(np.int64, len(raw), elements=st.integers(0, 3)))
    found = metrics.expected_calibration_error(labels, probabilities, bins)
    assert found == pytest.approx(second_ece(labels, probabilities, bins), abs=1e-9)
    assert 0 <= found <= 1


def test_a_class_nobody_predicts_and_one_nobody_has_score_0_not_nan():
    scores = metrics.classification(np.array([0, 0]), np.array([[0.9, 0.1, 0], [0.2, 0.8, 0]], np.float32), CLASSES)
    assert scores["per_class"]["glacier"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}


def test_a_perfect_model_has_no_hardest_pairs():
    scores = metrics.classification(np.arange(3), np.eye(3, dtype=np.float32), CLASSES)
    assert scores["hardest_pairs"] == {}
    assert scores["accuracy"] == 1


def test_hardest_pairs_count_both_directions_and_are_sorted():
    matrix = np.array([[5, 2, 0], [3, 5, 1], [0, 4, 5]])
    assert metrics.hardest_pairs(matrix, CLASSES) == [(5, "buildings", "forest"), (5, "forest", "glacier")]


def test_only_plain_numbers_come_out():
    def numbers(value):
        return all(map(numbers, value.values())) if isinstance(value, dict) else type(value) in (int, float)

    assert numbers(metrics.classification(*drawn(), CLASSES))
