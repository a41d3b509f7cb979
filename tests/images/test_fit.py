"""Pictures of any shape become squares of one size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from scenes.images.decode import FIT_METHODS, PADDING, fit
from tests.helpers.pictures import picture


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 64))
def test_fit_gives_the_one_shape(width, height, size):
    result = fit(picture(1, width, height), size)
    assert (result.shape, result.dtype) == ((size, size, 3), np.uint8)


def test_fit_takes_the_centre_and_keeps_a_fitting_image():
    whole = picture(1, 60, 60)
    assert fit(whole, 60) is whole
    wide = np.zeros((60, 100, 3), np.uint8)
    wide[:, 20:80] = whole
    assert np.array_equal(fit(wide, 60), whole)
    assert np.array_equal(fit(wide.transpose(1, 0, 2), 60), whole.transpose(1, 0, 2))


def test_fit_smooths_when_it_shrinks():
    checkers = np.indices((64, 64)).sum(axis=0) % 2 * 255
    small = fit(np.repeat(checkers[..., None], 3, axis=2).astype(np.uint8), 8)
    assert np.abs(small[1:-1, 1:-1].astype(int) - 127).max() < 10


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 64))
def test_padding_shows_the_whole_picture_on_grey(width, height, size):
    result = fit(np.full((height, width, 3), 200, np.uint8), size, "pad")
    rows, columns = (np.flatnonzero((result != PADDING).any(axis=(axis, 2))) for axis in (1, 0))
    longest = max(width, height)
    assert (len(rows), len(columns)) == (max(round(height * size / longest), 1), max(round(width * size / longest), 1))
    for found in (rows, columns):  # in one piece, in the middle
        assert np.array_equal(found, np.arange(found[0], found[0] + len(found)))
        assert abs(found[0] - (size - 1 - found[-1])) <= 1
    assert (result[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 200).all()


# Pillow resizes the rows of tall pictures first, which rounds differently; columns come first here.
@pytest.mark.parametrize("shape", [(100, 60), (90, 90), (31, 200)])
def test_fit_is_what_pillow_offers_under_other_names(shape):
    image = Image.fromarray(picture(1, *shape))
    bicubic = {"method": Image.Resampling.BICUBIC}
    references = {
        "crop": ImageOps.fit(image, (40, 40), **bicubic),
        "pad": ImageOps.pad(image, (40, 40), color=(PADDING,) * 3, **bicubic),
        "squash": image.resize((40, 40), Image.Resampling.BICUBIC),
    }
    for method, reference in references.items():
        away = fit(np.asarray(image), 40, method).astype(int) - np.asarray(reference)
        assert np.abs(away).max() <= 1
    assert set(references) == set(FIT_METHODS)


def test_fit_refuses_another_method():
    with pytest.raises(ValueError, match="'stretch' is none of crop, pad, squash"):
        fit(picture(1), 20, "stretch")
