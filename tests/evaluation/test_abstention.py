"""Selective prediction: by hand, against trying every threshold, and in order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.evaluation import abstention


def images(*pairs):
    """Labels and probabilities of two classes, from (confidence, whether the answer is right)."""
    confidence = np.array([pair[0] for pair in pairs])
    labels = np.array([0 if pair[1] else 1 for pair in pairs])
    return labels, np.stack([confidence, 1 - confidence], axis=1)


MIXED = images((0.6, False), (0.95, True), (0.9, True), (0.8, False), (0.7, True))
# From (confidence in steps of 0.01, right).
DRAWN = st.lists(st.tuples(st.integers(51, 100).map(lambda n: n / 100), st.booleans()), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("precision", "expected"),
    [(1.0, 0.9), (0.75, 0.7), (0.7, 0.7), (0.6, 0.6), (0.0, 0.6)],
)
def test_threshold_by_hand(precision, expected):
    # From the surest on, the share of right answers is 1, 1, 2/3, 3/4, 3/5: it falls and rises again.
    assert abstention.threshold(*MIXED, precision) == expected


def test_what_cannot_be_reached_is_a_threshold_that_nothing_reaches():
    labels, probabilities = images((1.0, False), (0.9, True))
    chosen = abstention.thresholds(labels, probabilities)
    assert chosen == dict.fromkeys(abstention.PRECISIONS, abstention.NEVER)
    nothing = {"confidence": 1.0, "coverage": 0.0, "precision": 0.0}
    assert abstention.scores(labels, probabilities, chosen) == dict.fromkeys(abstention.PRECISIONS, nothing)


def test_certain_and_right_is_reached():
    labels, probabilities = images((1.0, True), (1.0, True))
    chosen = abstention.thresholds(labels, probabilities)
    assert abstention.scores(labels, probabilities, chosen)["precision_99"] == {
        "confidence": 0.999999,
        "coverage": 1.0,
        "precision": 1.0,
    }


def test_equal_confidences_stand_on_one_side():
    labels, probabilities = images((0.9, True), (0.9, False), (0.8, True))
    assert abstention.threshold(labels, probabilities, 0.99) == abstention.NEVER
    assert abstention.threshold(labels, probabilities, 0.6) == 0.8


def test_confidences_are_as_written():
    _, probabilities = images((0.12345678, True), (0.9999999, True))
    assert abstention.confidence(probabilities).tolist() == [0.876543, 0.999999]
    assert abstention.confidence(probabilities.astype(np.float32)).tolist() == [0.876543, 0.999999]


def test_a_threshold_on_other_images():
    chosen = {"precision_90": 0.75, "precision_99": 0.99}
    assert abstention.scores(*MIXED, chosen) == {
        "precision_90": {"confidence": 0.75, "coverage": pytest.approx(3 / 5), "precision": pytest.approx(2 / 3)},
        "precision_99": {"confidence": 0.99, "coverage": 0.0, "precision": 0.0},
    }


@given(pairs=DRAWN, precision=st.sampled_from([0.5, 0.75, 0.9, 0.95, 1.0]))
def test_it_is_the_least_threshold_that_will_do(pairs, precision):
    labels, probabilities = images(*pairs)
    sure, right = abstention.confidence(probabilities), probabilities.argmax(axis=1) == labels
    doing = [least for least in set(sure.tolist()) if right[sure >= least].mean() >= precision]
    assert abstention.threshold(labels, probabilities, precision) == min(doing, default=abstention.NEVER)


@given(pairs=DRAWN)
def test_more_precision_costs_coverage(pairs):
    labels, probabilities = images(*pairs)
    entries = abstention.scores(labels, probabilities, abstention.thresholds(labels, probabilities))
    assert list(entries) == ["precision_90", "precision_95", "precision_99"]
    covered = [entry["coverage"] for entry in entries.values()]
    assert covered == sorted(covered, reverse=True)
    for name, entry in entries.items():
        assert entry["precision"] >= abstention.PRECISIONS[name] or entry["coverage"] == 0
