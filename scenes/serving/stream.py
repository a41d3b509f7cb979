"""Answers to a stream of photos, a few at a time, so that memory does not grow with their number."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from scenes.common.errors import InputError
from scenes.images.decode import Decoded
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
        damaged: whether a part of the photo is missing or wrong, see ``scenes.images.decode.Decoded``.
    """

    name: str
    prepared: np.ndarray
    answer: Answer
    damaged: bool = False


class _Prepared(NamedTuple):
    name: str
    pixels: np.ndarray
    damaged: bool


def answer_all(
    entries: Iterable[Photo | Refused],
    decode: Callable[[bytes], Decoded],
    prepare: Callable[[np.ndarray], np.ndarray],
    predict: Callable[[list[np.ndarray]], list[Answer]],
    batch_size: int,
) -> Iterator[Answered | Refused]:
    """Yield an answer for each photo, or why it cannot be answered, in their order.

    Args:
        entries: see ``scenes.serving.photos.find``.
        decode: from the bytes of a photo to the photo, see ``scenes.serving.photos.decode``.
        prepare, predict: see ``scenes.serving.classifier.Classifier``.
        batch_size: how many photos are decoded and answered at a time.
    """
    prepared = (_prepare(photo, decode, prepare) for photo in entries)
    while batch := list(islice(prepared, batch_size)):
        pixels = [photo.pixels for photo in batch if isinstance(photo, _Prepared)]
        answers = iter(predict(pixels) if pixels else [])
        for photo in batch:
            if isinstance(photo, Refused):
                yield photo
            else:
                yield Answered(photo.name, photo.pixels, next(answers), photo.damaged)


def _prepare(
    photo: Photo | Refused, decode: Callable[[bytes], Decoded], prepare: Callable[[np.ndarray], np.ndarray]
) -> _Prepared | Refused:
    if isinstance(photo, Refused):
        return photo
    try:
        decoded = decode(photo.read())
        return _Prepared(photo.name, prepare(decoded.pixels), decoded.damaged)
    except InputError as error:
        return Refused(photo.name, photos.printable(str(error), shown=_SHOWN))
