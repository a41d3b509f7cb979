"""How the head standardises features, against scikit-learn's scaler and with features that hardly vary."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from scenes.models import head

pytestmark = pytest.mark.usefixtures("deterministic")


def standardised(train: np.ndarray, other: np.ndarray) -> np.ndarray:
    network = head.build(train.shape[1], 2, units=4, dropout=0.0)
    head.standardise(network, train)
    return network.get_layer("standardise")(other).numpy()


def test_features_that_vary_are_standardised_as_by_scikit_learn():
    train, other = np.random.default_rng(0).normal(3, 2, (2, 200, 16)).astype(np.float32)
    expected = StandardScaler().fit(train).transform(other)
    assert np.allclose(standardised(train, other), expected, atol=1e-4)


@pytest.mark.parametrize("spread", [0.0, 1e-6])
def test_a_feature_that_hardly_varies_does_not_explode(spread):
    train, other = np.random.default_rng(0).normal(0, 1, (2, 200, 16)).astype(np.float32)
    train[:, 3] *= spread
    assert np.abs(standardised(train, other)).max() < 60  # 10 for each standard deviation of the others
