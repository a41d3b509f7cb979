"""A stream of photos is answered in its order, a few at a time, and what cannot be read holds up no other."""

from functools import partial
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.serving import photos
from scenes.serving.classifier import Answer
from scenes.serving.photos import Limits, Photo, Refused
from scenes.serving.stream import DECODERS, answer_all
from tests.helpers.pictures import encode, pack

LIMITS = Limits(max_member_bytes=100_000, max_ratio=200, max_pixels=10_000)
decode = partial(photos.decode, limits=LIMITS)


def prepare(pixels: np.ndarray) -> np.ndarray:
    return pixels[:1, :1]


def photo(shade: int) -> bytes:
    return encode(np.full((2, 2, 3), shade, np.uint8), "PNG")


def seen(answered) -> list[int | str]:
    """What a fake model said (the shade of grey that it saw), or the sentence."""
    return [item.sentence if isinstance(item, Refused) else int(item.answer.probabilities[0]) for item in answered]


class Model:
    def __init__(self):
        self.batches = []

    def predict(self, prepared):
        self.batches.append(len(prepared))
        return [Answer(np.array([pixels[0, 0, 0]]), np.array([0.0])) for pixels in prepared]


@given(st.lists(st.sampled_from(["good", "bad", "refused"]), max_size=20), st.integers(1, 6))
def test_answers_stand_in_the_order_of_the_photos(kinds, batch_size):
    found, expected = [], []
    for index, kind in enumerate(kinds):
        data = photo(index) if kind == "good" else b""
        name = str(index)
        found.append(Refused(name, "not this") if kind == "refused" else Photo(name, lambda data=data: data))
        bad = "not this" if kind == "refused" else "it is empty (0 bytes); choose another file"
        expected.append(index if kind == "good" else bad)
    model = Model()
    answered = list(answer_all(found, decode, prepare, model.predict, batch_size))
    assert [item.name for item in answered] == [item.name for item in found]
    assert seen(answered) == expected
    assert sum(model.batches) == kinds.count("good")
    assert all(0 < batch <= batch_size for batch in model.batches)


def test_a_damaged_photo_is_answered_and_marked():
    whole = encode(np.full((8, 8, 3), 7, np.uint8), quality=100)
    cut = whole[: (whole.rindex(b"\xff\xda") + 14)] + b"\xff\xd9"
    found = [Photo(name, lambda data=data: data) for name, data in (("whole", whole), ("cut", cut))]
    answered = list(answer_all(found, decode, prepare, Model().predict, 4))
    assert [(photo.name, photo.damaged) for photo in answered] == [("whole", False), ("cut", True)]


def test_no_more_is_read_than_two_batches_and_what_the_threads_decode():
    read = []

    def found():
        for index in range(100):
            yield Photo(str(index), lambda index=index: read.append(index) or photo(index))

    stream = answer_all(found(), decode, prepare, Model().predict, 4)
    assert next(stream).name == "0"
    assert 8 <= len(read) <= 8 + 2 * DECODERS


def test_a_zip_is_read_while_it_is_open(tmp_path):
    """Batches do not end where zips do."""
    zips = [
        pack(tmp_path / f"{name}.zip", {f"{number}.png": photo(start + number) for number in range(3)})
        for name, start in (("a", 0), ("b", 10))
    ]
    found = photos.find(zips, LIMITS, print)
    assert seen(list(answer_all(found, decode, prepare, Model().predict, 4))) == [0, 1, 2, 10, 11, 12]


def test_the_next_photos_are_decoded_while_the_model_computes():
    """Each waits for the other: one after the other they would wait forever."""
    decoded_second, computing_first = Event(), Event()

    def decode_second_after_the_model_began(data):
        if data == photo(1):
            assert computing_first.wait(60)
            decoded_second.set()
        return decode(data)

    class Waiting(Model):
        def predict(self, prepared):
            computing_first.set()
            assert decoded_second.wait(60)
            return super().predict(prepared)

    found = [Photo(str(index), lambda index=index: photo(index)) for index in range(2)]
    answered = answer_all(found, decode_second_after_the_model_began, prepare, Waiting().predict, 1)
    assert seen(answered) == [0, 1]


def test_what_a_model_raises_ends_the_stream_at_once():
    def fail(prepared):
        raise KeyError("mine")

    decoded = []
    found = (Photo(str(index), lambda index=index: photo(index)) for index in range(1000))
    with pytest.raises(KeyError, match="mine"):
        list(answer_all(found, lambda data: decoded.append(data) or decode(data), prepare, fail, 4))
    assert len(decoded) <= 8 + 2 * DECODERS
