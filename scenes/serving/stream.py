"""Answers to a stream of photos, a few at a time, so that memory does not grow with their number."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from scenes.common.errors import InputError
from scenes.serving import photos
from scenes.serving.classifier import Answer
from scenes.serving.photos import Photo, Refused

_SHOWN = 400  # characters of a sentence


class Answered(NamedTuple):
    """A photo with its answer.

    Attributes:
        name: see ``scenes.serving.photos.Photo``.
        prepared: uint8 (size, size, 3), as the model saw it.
        answer: the model's answer.
    """

    name: str
    prepared: np.ndarray
    answer: Answer


class _Prepared(NamedTuple):
    name: str
    pixels: np.ndarray


def answer_all(
    entries: Iterable[Photo | Refused],
    decode: Callable[[bytes], np.ndarray],
    prepare: Callable[[np.ndarray], np.ndarray],
    predict: Callable[[list[np.ndarray]], list[Answer]],
    batch_size: int,
) -> Iterator[Answered | Refused]:
    """Yield an answer for each photo, or why it cannot be answered, in their order.

    Args:
        entries: see ``scenes.serving.photos.find``.
        decode: from the bytes of a photo to its pixels, see ``scenes.serving.photos.decode``.
        prepare, predict: see ``scenes.serving.classifier.Classifier``.
        batch_size: how many photos are decoded and answered at a time.
    """
    prepared = (_prepare(photo, decode, prepare) for photo in entries)
    while batch := list(islice(prepared, batch_size)):
        pixels = [photo.pixels for photo in batch if isinstance(photo, _Prepared)]
        answers = iter(predict(pixels) if pixels else [])
        for photo in batch:
            yield photo if isinstance(photo, Refused) else Answered(photo.name, photo.pixels, next(answers))


def _prepare(
    photo: Photo | Refused, decode: Callable[[bytes], np.ndarray], prepare: Callable[[np.ndarray], np.ndarray]
) -> _Prepared | Refused:
    if isinstance(photo, Refused):
        return photo
    try:
        return _Prepared(photo.name, prepare(decode(photo.read())))
    except InputError as error:
        return Refused(photo.name, photos.printable(str(error), shown=_SHOWN))
