"""Intervals against the score test, SciPy's bootstrap, and simulations whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scenes.evaluation import intervals


@given(count=st.integers(1, 5000), data=st.data())
def test_a_share_is_inside_the_shares_that_a_score_test_does_not_refuse(count, data):
    right = data.draw(st.integers(0, count))
    found = intervals.share(right, count)
    assert 0 <= found["low"] <= right / count <= found["high"] <= 1
    assert found["low"] < found["high"]
    for end in found.values():
        if 0 < end < 1:  # Wilson: where the score statistic is the quantile
            z = (right / count - end) / np.sqrt(end * (1 - end) / count)
            assert abs(z) == pytest.approx(stats.norm.ppf(0.975), rel=1e-6)


@pytest.mark.parametrize("right", [0, 24])
def test_24_images_without_an_error_prove_86_percent(right):
    found = intervals.share(right, 24)
    low, high = (found["low"], found["high"]) if right else (1 - found["high"], 1 - found["low"])
    assert (low, high) == pytest.approx((24 / (24 + stats.norm.ppf(0.975) ** 2), 1))


@pytest.mark.parametrize(
    ("shares", "count"),
    [((0.03, 0.01), 3000), ((0.1, 0.05), 240), ((0.04, 0.04), 60), ((0.01, 0.0), 60)],
)
def test_the_interval_of_a_difference_contains_it_as_often_as_it_says(shares, count):
    rng = np.random.default_rng(0)
    only_a, only_b, _ = rng.multinomial(count, (*shares, 1 - sum(shares)), size=2000).T
    found = [intervals.paired_difference(a, b, count) for a, b in zip(only_a, only_b, strict=True)]
    covered = np.mean([each["low"] <= shares[0] - shares[1] <= each["high"] for each in found])
    assert 0.94 <= covered <= 1


def test_models_that_agree_may_still_differ():
    assert intervals.paired_difference(0, 0, 24) == pytest.approx({"low": -0.1, "high": 0.1}, abs=0.01)
    assert intervals.paired_difference(2, 0, 2)["high"] == 1
    there, back = intervals.paired_difference(6, 1, 60), intervals.paired_difference(1, 6, 60)
    assert (there["low"], there["high"]) == pytest.approx((-back["high"], -back["low"]))


def test_a_mean_has_the_interval_of_scipys_bootstrap_of_each_class():
    rng = np.random.default_rng(1)
    classes = rng.permutation(np.repeat([0, 1, 3], (20, 50, 130)))  # no image of one class
    values = rng.exponential(size=200) + 5 * classes

    def mean(*samples, axis):
        return sum(sample.sum(axis=axis) for sample in samples) / 200

    samples = [values[classes == each] for each in (0, 1, 3)]
    known = stats.bootstrap(samples, mean, method="percentile", rng=rng).confidence_interval
    found = intervals.stratified_mean(values, classes)
    width = known.high - known.low
    assert (found["low"], found["high"]) == pytest.approx((known.low, known.high), abs=width / 10)
    plain = stats.bootstrap((values,), np.mean, method="percentile", rng=rng).confidence_interval
    assert found["high"] - found["low"] < (plain.high - plain.low) / 2  # most of the variance is between classes
    assert intervals.stratified_mean(values, classes) == found
