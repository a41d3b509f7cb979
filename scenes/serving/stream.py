"""Answers to a stream of photos: some are decoded while the model computes; memory does not grow with their number."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from scenes.common.errors import InputError
from scenes.images.decode import Decoded
from scenes.serving import photos
from scenes.serving.classifier import Answer
from scenes.serving.photos import Photo, Refused

DECODERS = 2  # threads; to decode a photo with the largest number of pixels allowed took up to 1.1 GB
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
) -> Generator[Answered | Refused, None, None]:
    """Yield an answer for each photo, or why it cannot be answered, in their order.

    Closing the generator drops what has not begun.

    Args:
        entries: see ``scenes.serving.photos.find``; each is read before the next is asked for.
        decode: from the bytes of a photo to the photo, see ``scenes.serving.photos.decode``; called in threads.
        prepare, predict: see ``scenes.serving.classifier.Classifier``; called in threads, ``predict`` in one.
        batch_size: how many photos are answered at a time. The next ones are decoded meanwhile.
    """
    decoders, computer = ThreadPoolExecutor(DECODERS), ThreadPoolExecutor(1)
    try:
        prepared = _in_order(entries, partial(_prepare, decode, prepare), decoders)
        computing: deque[tuple[list[_Prepared | Refused], Future[list[Answer]]]] = deque()
        while batch := list(islice(prepared, batch_size)):
            pixels = [photo.pixels for photo in batch if isinstance(photo, _Prepared)]
            computing.append((batch, computer.submit(predict, pixels) if pixels else _known([])))
            if len(computing) > 1:
                yield from _answered(*computing.popleft())
        while computing:
            yield from _answered(*computing.popleft())
    finally:
        for pool in (decoders, computer):
            pool.shutdown(wait=False, cancel_futures=True)


def _in_order(
    entries: Iterable[Photo | Refused],
    prepare: Callable[[str, bytes], _Prepared | Refused],
    decoders: ThreadPoolExecutor,
) -> Iterator[_Prepared | Refused]:
    """Yield the photos, prepared, in their order. Each thread has one in work and one that waits."""
    waiting: deque[Future[_Prepared | Refused]] = deque()
    for entry in entries:
        if isinstance(entry, Photo):
            try:
                waiting.append(decoders.submit(prepare, entry.name, entry.read()))
            except InputError as error:
                waiting.append(_known(_refused(entry.name, error)))
        else:
            waiting.append(_known(entry))
        if len(waiting) == 2 * DECODERS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _prepare(
    decode: Callable[[bytes], Decoded], prepare: Callable[[np.ndarray], np.ndarray], name: str, data: bytes
) -> _Prepared | Refused:
    try:
        decoded = decode(data)
        return _Prepared(name, prepare(decoded.pixels), decoded.damaged)
    except InputError as error:
        return _refused(name, error)


def _refused(name: str, error: InputError) -> Refused:
    return Refused(name, photos.printable(str(error), shown=_SHOWN))


def _known(result: Any) -> Future[Any]:
    """Return a future that is done."""
    future: Future[Any] = Future()
    future.set_result(result)
    return future


def _answered(batch: list[_Prepared | Refused], future: Future[list[Answer]]) -> Iterator[Answered | Refused]:
    answers = iter(future.result())
    for photo in batch:
        if isinstance(photo, Refused):
            yield photo
        else:
            yield Answered(photo.name, photo.pixels, next(answers), photo.damaged)
