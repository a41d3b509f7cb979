"""Requests of many threads, computed together in batches."""

import queue
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

Function = Callable[[list[Any]], Sequence[Any]]  # from a list of items to a result for each


class _Call(NamedTuple):
    items: list[Any]
    future: Future


_END = _Call([], Future())  # nobody will call any more


class Batcher:
    """A function of a batch that many threads can call at once, each with its own items.

    One thread computes. The calls that arrive while it is busy form its next batch, so a call waits for no more than
    the calls before it, and a single call does not wait at all.
    """

    def __init__(self, function: Function, max_size: int) -> None:
        """Start the thread. It ends with the process, or when nothing refers to this object any more.

        Args:
            function: from a list of items to a result for each.
            max_size: the largest number of items for one call of ``function``, unless a single caller has more.
        """
        self._waiting: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        # The thread refers to the queue, not to this object. So an unused batcher is freed, and with it its function,
        # which may hold a model that has been replaced.
        weakref.finalize(self, self._waiting.put, _END)
        threading.Thread(target=_run, args=(self._waiting, function, max_size), daemon=True, name="batcher").start()

    def __call__(self, items: Sequence[Any]) -> list[Any]:
        """Return the results for ``items``, in their order.

        Raises:
            Exception: raised by ``function``, for any item in the batch.
            RuntimeError: ``function`` returned more or fewer results than items.
        """
        future: Future = Future()
        self._waiting.put(_Call(list(items), future))
        return future.result()


def _run(waiting: queue.SimpleQueue[_Call], function: Function, max_size: int) -> None:
    """Compute batch after batch until the queue yields ``_END``."""
    postponed: _Call | None = None
    while (call := postponed or waiting.get()) is not _END:
        batch, postponed = _collect(call, waiting, max_size)
        _compute(batch, function)
        del call, batch  # keep no items while waiting


def _collect(first: _Call, waiting: queue.SimpleQueue[_Call], max_size: int) -> tuple[list[_Call], _Call | None]:
    """Return the next batch, and the call that did not fit into it, if any."""
    batch, size = [first], len(first.items)
    while not waiting.empty():
        call = waiting.get()
        if call is _END or size + len(call.items) > max_size:
            return batch, call
        batch.append(call)
        size += len(call.items)
    return batch, None


def _compute(batch: list[_Call], function: Function) -> None:
    try:
        items = [item for call in batch for item in call.items]
        results = function(items)
        if len(results) != len(items):
            raise RuntimeError(f"{len(results)} results for {len(items)} items")
    except Exception as error:
        for call in batch:
            call.future.set_exception(error)
        return
    start = 0
    for call in batch:
        call.future.set_result(list(results[start : start + len(call.items)]))
        start += len(call.items)
