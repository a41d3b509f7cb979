"""The computation of one shard, the same in this process, in a process of a pool and in an actor of Ray."""

from collections.abc import Sequence
from typing import Any

from threadpoolctl import threadpool_limits

from scenes.common.errors import InputError
from scenes.common.system_failures import describe, is_out_of_memory
from scenes.executors.shards import Job, Shard


def compute_shard(job: Job, state: Any, shard: Shard, inputs: Sequence[bytes]) -> Any:
    """Return the result of a shard.

    Args:
        state: what ``job.load`` has returned.
        inputs: the bytes of each of the shard's inputs.

    Raises:
        InputError: the input is wrong, or the system failed. The message names the shard.
        Exception: a defect; a note names the shard.
    """
    try:
        with threadpool_limits(1, "blas"):
            return job.work(state, shard, inputs)
    except Exception as error:
        sentence = str(error) if isinstance(error, InputError) else describe(error)
        if is_out_of_memory(error) and not isinstance(error, InputError):
            sentence = f"out of memory; {job.advice}"
        if sentence:
            raise InputError(f"{job.name}: {shard}: {sentence}") from error
        error.add_note(f"in {job.name}: {shard}")
        raise
