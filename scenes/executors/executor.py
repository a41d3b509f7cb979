"""Where the shards of a stage are computed, and what is kept of them if the stage is killed."""

import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from scenes.common.errors import InputError
from scenes.common.files import atomic_write
from scenes.executors import processes, reuse
from scenes.executors.shards import Job, Shard
from scenes.executors.versions import library_versions

VARIABLE = "SCENES_EXECUTOR"  # not a parameter: it must not change dvc.lock
Run = Callable[[Job, Sequence[Shard]], Generator[Any, None, None]]  # as `run`
_HASH_BYTES = hashlib.sha256().digest_size


def run(job: Job, shards: Sequence[Shard]) -> Generator[Any, None, None]:
    """Yield the result of each shard, in order, with a progress bar.

    Raises:
        InputError: there is no such executor, a worker was lost, or a shard failed; the message names it.
    """
    from tqdm import tqdm

    total = sum(shard.size for shard in shards)
    with (
        closing(_executor()(job, shards)) as results,
        tqdm(total=total, desc=job.name, unit=job.unit, disable=None) as progress,
    ):
        for number, (shard, result) in enumerate(zip(shards, results, strict=True), 1):
            progress.update(shard.size)
            if number == len(shards):
                results.close()  # ends the workers, even if the caller never asks for what comes after the last
            yield result


@contextmanager
def kept(folder: Path, key: str) -> Iterator[Run]:
    """Yield a function that does what :func:`run` does, but computes only what a killed run has not left in ``folder``.

    Results have to be bytes. The folder is removed after the block, and stays if the block fails. A shard is computed
    again if anything in it has changed, by its ``repr``, or a library.

    Args:
        folder: for the results so far.
        key: a hash of everything else that determines the results: the code, the parameters, the contents of the
            inputs.
    """
    yield partial(_run_kept, folder=folder, key=key)
    shutil.rmtree(folder, ignore_errors=True)


def _run_kept(job: Job, shards: Sequence[Shard], *, folder: Path, key: str) -> Generator[bytes, None, None]:
    paths = [folder / reuse.key(key, library_versions(), shard) for shard in shards]
    missing = {path: shard for shard, path in zip(shards, paths, strict=True) if not _is_kept(path)}
    with closing(run(job, [*missing.values()])) as computed:
        for path in paths:
            if path in missing:
                result = next(computed)
                with atomic_write(path) as file:
                    file.write_bytes(hashlib.sha256(result).digest() + result)
                yield result
            else:
                yield path.read_bytes()[_HASH_BYTES:]


def _is_kept(path: Path) -> bool:
    """Return whether a file holds a result, and is not damaged, as by a power failure."""
    content = path.read_bytes() if path.is_file() else b""
    return content[:_HASH_BYTES] == hashlib.sha256(content[_HASH_BYTES:]).digest()


def _executor() -> Run:
    name = os.environ.get(VARIABLE) or "processes"  # a variable set to nothing counts as unset
    if name == "processes":
        return processes.compute
    if name == "ray":
        from scenes.executors import ray_cluster

        return ray_cluster.compute
    raise InputError(f"{VARIABLE}={name} is no executor; use processes or ray")
