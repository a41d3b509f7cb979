"""The stratified sample: equal shares of the classes, evenly spread, the same in one part or many."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.stratified import StratifiedSample


@settings(max_examples=60, deadline=None)
@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=120), size=st.integers(1, 130), data=st.data())
def test_each_class_gives_its_share_however_the_images_come(labels, size, data):
    labels = np.array(labels)
    per_class = np.bincount(labels, minlength=5)
    mask = StratifiedSample(per_class, size).mask(labels)
    if size >= len(labels):
        assert mask.all()
    else:
        expected = [-(-int(count) * size // len(labels)) for count in per_class]
        assert np.bincount(labels[mask], minlength=5).tolist() == expected
    cut = data.draw(st.integers(0, len(labels)))
    in_parts = StratifiedSample(per_class, size)
    np.testing.assert_array_equal(np.concatenate([in_parts.mask(labels[:cut]), in_parts.mask(labels[cut:])]), mask)


def test_the_sample_is_spread_evenly():
    labels = np.tile([0, 0, 1], 1000)
    rows = np.flatnonzero(StratifiedSample(np.bincount(labels), 300).mask(labels))
    for label, count in ((0, 200), (1, 100)):
        places = np.searchsorted(np.flatnonzero(labels == label), rows[labels[rows] == label])
        assert len(places) == count
        assert set(np.diff(places)) == {10}
