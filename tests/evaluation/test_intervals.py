"""The interval against SciPy's bootstrap and against the exact distribution of a share."""

import numpy as np
import pytest
from scipy import stats

from scenes.evaluation.intervals import mean_interval


@pytest.mark.parametrize("values", [[0, 1], [-1, 0, 1]])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_it_is_that_of_scipy(values, level):
    drawn = np.random.default_rng(1).choice(values, size=200)
    found = mean_interval(drawn, level)
    rng = np.random.default_rng(2)
    known = stats.bootstrap((drawn,), np.mean, confidence_level=level, method="percentile", rng=rng).confidence_interval
    assert (found["low"], found["high"]) == pytest.approx((known.low, known.high), abs=0.011)  # two images


def test_of_a_share_it_is_the_quantile_of_a_binomial():
    right = np.arange(3000) < 2700
    exact = stats.binom.ppf([0.025, 0.975], 3000, 0.9) / 3000
    found = mean_interval(right)
    assert (found["low"], found["high"]) == pytest.approx(tuple(exact), abs=1.1 / 3000)


def test_the_same_values_give_the_same_interval_in_any_order():
    values = np.random.default_rng(0).integers(2, size=99)
    assert mean_interval(values) == mean_interval(np.sort(values))


def test_without_variation_it_is_a_point():
    assert mean_interval(np.ones(5, bool)) == {"low": 1.0, "high": 1.0}
