"""Platt scaling: scores become as right as they say, and keep their order."""

import numpy as np
import pytest

from scenes.evaluation import platt


def test_scores_that_are_too_low_become_probabilities():
    probabilities = np.random.default_rng(0).random((4000, 3))
    present = np.random.default_rng(1).random((4000, 3)) < probabilities
    log_odds = np.log(probabilities / (1 - probabilities))
    scores = 1 / (1 + np.exp(-(2.0 * log_odds - 3.0)))  # too extreme, and too low
    scaling = platt.fit(present, scores)
    assert scaling == pytest.approx((0.5, 1.5), abs=0.05)
    np.testing.assert_allclose(scaling.probabilities(scores), probabilities, atol=0.02)


@pytest.mark.parametrize("present", [True, False])
def test_few_images_that_all_agree_give_no_certainty(present):
    scaling = platt.fit(np.full((6, 2), present), np.full((6, 2), 0.9))
    (found,) = scaling.probabilities(np.array([0.9]))
    assert 0.5 < (found if present else 1 - found) < 0.99


def test_the_order_stays_and_extreme_scores_stay_finite():
    found = platt.PlattScaling(0.3, 0.5).probabilities(np.array([0.0, 1e-3, 0.5, 1.0]))
    assert (np.diff(found) > 0).all()
    assert np.isfinite(found).all()
