"""What becomes of the photos that people bring: pixels, or one sentence."""

import numpy as np
import pytest

from scenes.common.errors import InputError
from scenes.serving import photos
from scenes.serving.photos import Limits, Refused, one_line

LIMITS = Limits(max_member_bytes=1_000_000, max_ratio=200, max_pixels=1_000_000)


def is_a_sentence(text: str) -> bool:
    return 10 < len(text) <= 400 and text == one_line(text) and not text.endswith(".")


def refusal(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(InputError) as caught:
        photos.decode(data, limits)
    assert is_a_sentence(str(caught.value))
    return str(caught.value)


def outcomes(*paths, limits: Limits = LIMITS) -> tuple[dict[str, object], list[str]]:
    """Find and read all; return by name what became of each (pixels or a sentence), and the names of the skipped."""
    found, passed_over = {}, []
    for item in photos.find(paths, limits, lambda skipped: passed_over.append(skipped.name)):
        assert item.name not in found
        assert item.name == one_line(item.name)
        if isinstance(item, Refused):
            found[item.name] = item.sentence
        else:
            try:
                found[item.name] = photos.decode(item.read(), limits).pixels
            except InputError as error:
                found[item.name] = str(error)
        assert isinstance(found[item.name], np.ndarray) or is_a_sentence(found[item.name])
    return found, passed_over


def only(path, **options) -> object:
    """What became of the one thing that ``path`` leads to."""
    found, _ = outcomes(path, **options)
    (outcome,) = found.values()
    return outcome
