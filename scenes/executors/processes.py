"""Shards computed on this machine: in this process, or in several."""

import math
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import get_context, parent_process
from typing import Any

from scenes.common.errors import InputError
from scenes.executors.shards import Job, Shard, read_all
from scenes.executors.worker import compute_shard
from scenes.process.runtime import cores

# Shards per process: one in work, and one that waits, or whose result waits for its turn. It bounds the memory.
_IN_FLIGHT = 2
# Seconds of work in this process before others are started, which takes one: a short job is done by then.
_ALONE = 2.0


def compute(job: Job, shards: Sequence[Shard]) -> Generator[Any, None, None]:
    """Yield the result of each shard, in order.

    Raises:
        InputError: a process was killed, or see :func:`scenes.executors.worker.compute_shard`.
    """
    left = deque(shards)
    processes = job.processes or cores()
    if processes == 1 or len(left) == 1:
        yield from _in_this_process(job, left, math.inf)
    elif job.processes is None:
        yield from _in_this_process(job, left, _ALONE)
    if left:
        yield from _in_processes(job, left, min(processes, len(left)))


def _in_this_process(job: Job, left: deque[Shard], seconds: float) -> Iterator[Any]:
    """Take shards from ``left`` until they have taken so many seconds."""
    state = job.load(*job.folders) if left else None
    while left and seconds > 0:
        start = time.monotonic()
        shard = left.popleft()
        result = compute_shard(job, state, shard, read_all(shard.inputs))
        seconds -= time.monotonic() - start
        yield result


def _in_processes(job: Job, shards: Iterable[Shard], processes: int) -> Iterator[Any]:
    # Spawned, not forked: the fork of a process with threads (TensorFlow's, in tests) may hang.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _start_worker, (job,))
    pending: deque[tuple[Shard, Future[Any]]] = deque()
    try:
        for shard in shards:
            if len(pending) == processes * _IN_FLIGHT:
                yield pending[0][1].result()
                pending.popleft()
            pending.append((shard, pool.submit(_compute, shard)))
        while pending:
            yield pending[0][1].result()
            pending.popleft()
    except BrokenProcessPool:
        lost = [str(shard) for shard, future in pending if not future.done() or future.exception()]
        raise InputError(
            f"{job.name}: a process was killed in one of {'; '.join(lost)}; most likely memory ran out: {job.advice}"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_job: Job


def _start_worker(job: Job) -> None:
    global _job
    _job = job
    # Ctrl-C reaches all processes of the terminal; only the parent reports it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


@cache
def _state() -> Any:
    # With the first shard: an exception while the process starts would look as if it had been killed.
    return _job.load(*_job.folders)


def _compute(shard: Shard) -> Any:
    return compute_shard(_job, _state(), shard, read_all(shard.inputs))
