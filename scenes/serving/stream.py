"""Answers to a stream of photos, a few at a time."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from scenes.common.errors import InputError
from scenes.serving import photos
from scenes.serving.classifier import Answer
from scenes.serving.photos import Photo, Refused


class Answered(NamedTuple):
    """A photo with its answer, or with the reason why there is none.

    Attributes:
        name: see ``scenes.serving.photos.Photo``.
        prepared: uint8 (size, size, 3), as the model saw it; None if it could not be read.
        answer: None if it could not be read.
        sentence: why not; '' if it could.
    """

    name: str
    prepared: np.ndarray | None
    answer: Answer | None
    sentence: str


def stream(
    found: Iterable[Photo | Refused],
    decode: Callable[[bytes], np.ndarray],
    prepare: Callable[[np.ndarray], np.ndarray],
    predict: Callable[[list[np.ndarray]], list[Answer]],
    batch_size: int,
) -> Iterator[Answered]:
    """Yield an answer for each of ``found``, in their order.

    Args:
        found: see ``scenes.serving.photos.find``.
        decode: from a photo's bytes to its pixels, see ``scenes.serving.photos.decode``.
        prepare, predict: of a ``scenes.serving.classifier.Classifier``.
        batch_size: photos that are decoded and answered at a time.
    """
    waiting: list[Answered] = []
    for photo in found:
        waiting.append(_read(photo, decode, prepare))
        if len(waiting) == batch_size:
            yield from _answered(waiting, predict)
            waiting = []
    yield from _answered(waiting, predict)


def _read(photo: Photo | Refused, decode: Callable, prepare: Callable) -> Answered:
    if isinstance(photo, Refused):
        return Answered(photo.name, None, None, photo.sentence)
    try:
        return Answered(photo.name, prepare(decode(photo.read())), None, "")
    except InputError as error:
        return Answered(photo.name, None, None, photos.printable(str(error), shown=400))


def _answered(waiting: list[Answered], predict: Callable[[list[np.ndarray]], list[Answer]]) -> Iterator[Answered]:
    readable = [photo.prepared for photo in waiting if photo.prepared is not None]
    answers = iter(predict(readable) if readable else [])
    for photo in waiting:
        yield photo if photo.prepared is None else photo._replace(answer=next(answers))
