"""A linear classifier: the moments of its features, against scikit-learn's and where features hardly vary."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from scenes.models import linear


def rows(spread=1.0):
    found = np.random.default_rng(0).normal(3, 2, (200, 16)).astype(np.float32)
    found[:, 3] *= spread
    return found


def test_features_that_vary_are_standardised_as_by_scikit_learn():
    expected = StandardScaler().fit(rows().astype(np.float64))
    mean, variance = linear.moments(rows())
    np.testing.assert_allclose(mean, expected.mean_, rtol=1e-12)
    np.testing.assert_allclose(variance, expected.var_, rtol=1e-12)


@pytest.mark.parametrize("spread", [0.0, 1e-6])
def test_a_feature_that_hardly_varies_is_not_blown_up(spread):
    _, variance = linear.moments(rows(spread))
    assert variance[3] == pytest.approx(linear.LEAST_VARIANCE * rows(spread).var(axis=0).mean(), rel=1e-4)
    assert variance.min() == variance[3]


def test_features_that_do_not_vary_at_all_can_be_divided_by_their_variance():
    mean, variance = linear.moments(np.full((5, 2), 7, np.float32))
    assert (mean.tolist(), variance.tolist()) == ([7, 7], [1, 1])
