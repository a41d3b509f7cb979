"""The threshold of the distance to the training images: what it promises, and for how many images there is one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.evaluation import novelty


def test_new_images_exceed_it_as_seldom_as_promised():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        above = novelty.threshold(rng.gamma(2, size=40))
        shares.append(novelty.unlike(rng.gamma(2, size=500), above).mean())
    assert novelty.SHARE - 0.01 <= np.mean(shares) <= novelty.SHARE


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_it_is_a_distance_that_few_of_these_images_exceed(distances):
    distances = np.array(distances)
    above = novelty.threshold(distances)
    assert (above is None) == (len(distances) < 19)
    assert novelty.unlike(distances, above).mean() <= novelty.SHARE
    assert above is None or above in distances.round(6)


@pytest.mark.parametrize(("distance", "expected"), [(0.1234564, False), (0.1234566, True), (0.2, True)])
def test_it_is_compared_with_what_the_files_hold(distance, expected):
    assert novelty.unlike(np.array([distance], np.float32), 0.123456).tolist() == [expected]
