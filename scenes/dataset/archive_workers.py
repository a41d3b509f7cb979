"""Work on the images of an archive, divided among processes."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from scenes.archive.layout import Archive
from scenes.common.errors import InputError

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")

# Chunks per process: one in work, one waiting.
_IN_FLIGHT = 2


def map_chunks(
    work: Callable[[Archive, Chunk], Result], archive: Archive, chunks: Sequence[Chunk], workers: int
) -> Iterator[Result]:
    """Yield ``work(archive, chunk)`` for each chunk, in order.

    BLAS gets one thread: its products are small here, and its threads would fight with the processes for the cores.

    Args:
        work: a function of a module, or a ``functools.partial`` of one, so that another process can find it.
        archive: an open archive; each process opens it again.
        chunks: each as large as one process should take at a time.
        workers: processes; with 1, or a single chunk, the work is done in this process.

    Raises:
        InputError: a process was killed.
    """
    if workers == 1 or len(chunks) < 2:
        for chunk in chunks:
            with threadpool_limits(1, "blas"):
                result = work(archive, chunk)
            yield result
        return
    # Spawned, not forked: the fork of a process with threads (TensorFlow's, in tests) may hang.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (work, archive))
    waiting: deque[Future[Result]] = deque()
    try:
        for chunk in chunks:
            if len(waiting) == workers * _IN_FLIGHT:
                yield waiting.popleft().result()
            waiting.append(pool.submit(_work, chunk))
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise InputError(
            f"{archive.path}: a process that decodes images was killed, most likely for lack of memory; "
            "lower archive.max_pixels or free some memory"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_worker_state: dict[str, Any] = {}


def _start_worker(work: Callable[[Archive, Any], Any], archive: Archive) -> None:
    _worker_state.update(work=work, archive=archive)
    threadpool_limits(1, "blas")
    # Ctrl-C reaches all processes of the terminal; only the parent reports it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _work(chunk: Any) -> Any:
    return _worker_state["work"](_worker_state["archive"], chunk)
