"""What becomes of the bytes of an image: pixels, or a problem."""

import numpy as np
import pytest

from scenes.images.decode import ImageProblem, decode

LIMIT = 1_000_000


def pixels(data: bytes) -> np.ndarray:
    result = decode(data, max_pixels=LIMIT).pixels
    assert (result.dtype, result.ndim, result.shape[2]) == (np.uint8, 3, 3)
    return result


def problem(data: bytes, max_pixels: int = LIMIT) -> ImageProblem:
    with pytest.raises(ImageProblem) as caught:
        decode(data, max_pixels=max_pixels)
    return caught.value
