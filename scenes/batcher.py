"""Requests of many threads, answered together."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any


class Batcher:
    """A function of a batch that threads call at once, each with items of its own.

    One thread computes. What has come in while it did is its next batch, so an item waits for at most what stands
    before it, and a lone one does not wait at all.
    """

    def __init__(self, function: Callable[[list], Sequence], max_size: int):
        """Start the thread; it ends with the process.

        Args:
            function: of a list of items, to a result for each.
            max_size: items given to ``function`` at once, unless a single call brings more.
        """
        self._function, self._max_size = function, max_size
        self._waiting: queue.SimpleQueue[tuple[list, Future]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name="batcher").start()

    def __call__(self, items: Sequence) -> list[Any]:
        """Return the results for ``items``, in their order.

        Raises:
            Exception: what ``function`` raised, of whichever item in the batch.
            RuntimeError: it gave more or fewer results than there are items.
        """
        future: Future = Future()
        self._waiting.put((list(items), future))
        return future.result()

    def _run(self) -> None:
        held = None
        while True:
            batch = [held or self._waiting.get()]
            held = None
            size = len(batch[0][0])
            while held is None and not self._waiting.empty():
                call = self._waiting.get()
                if size + len(call[0]) > self._max_size:
                    held = call
                else:
                    batch.append(call)
                    size += len(call[0])
            self._answer(batch)

    def _answer(self, batch: list[tuple[list, Future]]) -> None:
        try:
            items = [item for some, _ in batch for item in some]
            results = self._function(items)
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
