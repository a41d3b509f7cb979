"""Requests of many threads, answered together."""

import queue
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

_END = object()  # nobody will call any more


class Batcher:
    """A function of a batch that threads call at once, each with items of its own.

    One thread computes. What has come in while it did is its next batch, so an item waits for at most what stands
    before it, and a lone one does not wait at all.
    """

    def __init__(self, function: Callable[[list], Sequence], max_size: int):
        """Start the thread; it ends with the process, or when nobody holds this object any more.

        Args:
            function: of a list of items, to a result for each.
            max_size: items given to ``function`` at once, unless a single call brings more.
        """
        self._waiting: queue.SimpleQueue = queue.SimpleQueue()
        # The thread does not hold this object, only the queue: so a function that is no longer called is let go, and
        # with it what it holds, such as a model that another one has replaced.
        weakref.finalize(self, self._waiting.put, _END)
        threading.Thread(target=_run, args=(self._waiting, function, max_size), daemon=True, name="batcher").start()

    def __call__(self, items: Sequence) -> list[Any]:
        """Return the results for ``items``, in their order.

        Raises:
            Exception: what ``function`` raised, of whichever item in the batch.
            RuntimeError: it gave more or fewer results than there are items.
        """
        future: Future = Future()
        self._waiting.put((list(items), future))
        return future.result()


def _run(waiting: queue.SimpleQueue, function: Callable[[list], Sequence], max_size: int) -> None:
    held = None
    while (call := held or waiting.get()) is not _END:
        batch, held = [call], None
        size = len(call[0])
        while held is None and not waiting.empty():
            call = waiting.get()
            if call is _END or size + len(call[0]) > max_size:
                held = call
            else:
                batch.append(call)
                size += len(call[0])
        _answer(batch, function)
        batch = call = None  # no items are kept while there is nothing to do


def _answer(batch: list[tuple[list, Future]], function: Callable[[list], Sequence]) -> None:
    try:
        items = [item for some, _ in batch for item in some]
        results = function(items)
        if len(results) != len(items):
            raise RuntimeError(f"{len(results)} results for {len(items)} items")
    except Exception as error:
        for _, future in batch:
            future.set_exception(error)
        return
    start = 0
    for some, future in batch:
        future.set_result(list(results[start : start + len(some)]))
        start += len(some)
