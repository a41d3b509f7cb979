"""Selective prediction: by hand, against SciPy's exact test at every threshold, and on simulated new images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scenes.evaluation import abstention, intervals


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
    [(0.0, 0.6), (0.24, 0.6), (0.3, 0.7), (0.32, 0.7), (0.33, None)],
)
def test_threshold_by_hand(precision, expected):
    # From the surest on, 1, 2, 2, 3 and 3 are right; their bounds are 0.1, 0.316, 0.196, 0.320 and 0.247.
    assert abstention.threshold(*MIXED, precision) == expected


@given(answered=st.integers(1, 2000), data=st.data())
def test_the_bound_is_that_of_scipys_exact_test(answered, data):
    right = data.draw(st.integers(0, answered))
    known = stats.binomtest(right, answered, alternative="greater").proportion_ci(0.9, method="exact").low
    assert abstention.lower_bound(np.array([right]), np.array([answered])) == pytest.approx(known, abs=1e-9)


@pytest.mark.parametrize(("name", "needed"), [("precision_90", 22), ("precision_95", 45), ("precision_99", 230)])
def test_so_many_right_answers_promise_a_precision_and_no_fewer(name, needed):
    few, enough = (images(*[(0.8, True)] * count) for count in (needed - 1, needed))
    assert abstention.thresholds(*few)[name] is None
    assert abstention.thresholds(*enough)[name] == 0.8
    assert f"cannot promise {name[-2:]} %; that takes {needed}," in abstention.why_no_threshold(name, needed - 1)
    wrong = images((0.9, False), *[(0.8, True)] * (needed - 1))
    assert abstention.thresholds(*wrong)[name] is None
    assert f"the surest {needed} answered right would" in abstention.why_no_threshold(name, needed)


def calibrated(rng, count):
    """Images of a classifier that is right with a probability of its confidence."""
    confidence = 0.5 + 0.5 * rng.beta(3, 1, count)
    return images(*zip(confidence, rng.random(count) < confidence, strict=True))


@pytest.mark.parametrize("count", [240, 900])
def test_a_promise_is_missed_on_new_images_by_a_tenth_of_validation_sets(count):
    """It was by more than half when the precision on the validation images alone had to reach the target."""
    rng = np.random.default_rng(0)
    many = np.sort(abstention.confidence(calibrated(rng, 100_000)[1]))
    chosen = [abstention.threshold(*calibrated(rng, count), 0.9) for _ in range(400)]
    precision = [many[many >= lowest].mean() for lowest in chosen if lowest is not None]
    missed = sum(each < 0.9 for each in precision)
    assert len(precision) > 300
    assert 0.02 < missed / 400 < 0.15  # a standard error is 0.015


def test_without_a_threshold_nothing_is_said_of_other_images():
    chosen = abstention.thresholds(*MIXED)
    assert chosen == dict.fromkeys(abstention.PRECISIONS)
    nothing = dict.fromkeys(("confidence", "coverage", "precision", "precision_interval"))
    assert abstention.scores(*MIXED, chosen) == dict.fromkeys(abstention.PRECISIONS, nothing)


def test_equal_confidences_are_on_one_side():
    labels, probabilities = images((0.9, True), (0.9, False), (0.8, True))
    assert abstention.threshold(labels, probabilities, 0.1) == 0.8  # not 0.9, after whose first image the bound is 0.1
    assert abstention.threshold(*images((0.9, True), (0.9, False)), 0.09) is None


def test_confidences_are_as_written():
    _, probabilities = images((0.12345678, True), (0.9999999, True))
    assert abstention.confidence(probabilities).tolist() == [0.876543, 0.999999]
    assert abstention.confidence(probabilities.astype(np.float32)).tolist() == [0.876543, 0.999999]


def test_a_threshold_on_other_images():
    chosen = {"precision_90": 0.75, "precision_99": 0.99}
    found = abstention.scores(*MIXED, chosen)
    interval = found["precision_90"].pop("precision_interval")
    assert found == {
        "precision_90": {"confidence": 0.75, "coverage": pytest.approx(3 / 5), "precision": pytest.approx(2 / 3)},
        "precision_99": {"confidence": 0.99, "coverage": 0.0, "precision": None, "precision_interval": None},
    }
    assert interval == intervals.share(2, 3)


@pytest.mark.parametrize(
    ("right", "answered", "verdict"),
    [
        (240, 240, "kept"),
        (980, 1000, "kept"),
        (95, 100, "open"),
        (240, 250, "open"),
        (90, 100, "missed"),
        (0, 0, "open"),
    ],
)
def test_the_test_images_keep_a_promise_miss_it_or_say_too_little(right, answered, verdict):
    labels, probabilities = images(*[(0.9, True)] * right, *[(0.9, False)] * (answered - right), (0.6, False))
    (entry,) = abstention.scores(labels, probabilities, {"precision_95": 0.9}).values()
    assert abstention.verdict("precision_95", entry) == verdict


@given(pairs=DRAWN, precision=st.sampled_from([0.1, 0.3, 0.5, 0.75, 0.9]))
def test_it_is_the_lowest_threshold_whose_images_prove_the_precision(pairs, precision):
    labels, probabilities = images(*pairs)
    sure, right = abstention.confidence(probabilities), probabilities.argmax(axis=1) == labels
    proving = []
    for lowest in set(sure.tolist()):
        answered = right[sure >= lowest]
        test = stats.binomtest(int(answered.sum()), len(answered), alternative="greater")
        if test.proportion_ci(0.9, method="exact").low >= precision:
            proving.append(lowest)
    assert abstention.threshold(labels, probabilities, precision) == min(proving, default=None)


@given(pairs=DRAWN)
def test_more_precision_costs_coverage(pairs):
    labels, probabilities = images(*pairs * 10)
    entries = abstention.scores(labels, probabilities, abstention.thresholds(labels, probabilities))
    assert list(entries) == ["precision_90", "precision_95", "precision_99"]
    covered = [entry["coverage"] or 0 for entry in entries.values()]
    assert covered == sorted(covered, reverse=True)
    for name, entry in entries.items():
        assert entry["confidence"] is None or entry["precision"] > abstention.PRECISIONS[name]
