"""Shards: what a stage divides its work into. Each is computed by one pure function, wherever that runs."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple


class ByteRange(NamedTuple):
    """A part of a file; ``length`` None: up to its end."""

    path: str
    start: int = 0
    length: int | None = None

    def read(self) -> bytes:
        """Return the bytes; fewer where the file ends before."""
        with Path(self.path).open("rb") as file:
            return self.read_from(file)

    def read_from(self, file: BinaryIO) -> bytes:
        """Return the bytes of the file at ``path``, which is already open."""
        file.seek(self.start)
        return file.read(-1 if self.length is None else self.length)


def read_all(inputs: Iterable[ByteRange]) -> list[bytes]:
    """Return the bytes of each range, and open each file once."""
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {}
        parts = []
        for part in inputs:
            if part.path not in files:
                files[part.path] = stack.enter_context(Path(part.path).open("rb"))
            parts.append(part.read_from(files[part.path]))
        return parts


@dataclass(frozen=True)
class Shard:
    """A part of the work.

    Attributes:
        name: unique in its job; the name of its output file, if it has one.
        inputs: what it reads. An executor may read it where the files are, and send the bytes to where it computes.
        spec: what is done with the inputs: small, and can be pickled.
        size: number of images, for the progress bar.
        images: which these are, for messages, see :func:`first_and_last`.
    """

    name: str
    inputs: tuple[ByteRange, ...]
    spec: Any
    size: int
    images: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.images})" if self.images else self.name


def first_and_last(keys: Sequence[str]) -> str:
    """Return the images of a shard in a few words."""
    return keys[0] if len(keys) == 1 else f"{len(keys)} images from {keys[0]} to {keys[-1]}" if keys else "no images"


def no_state() -> None:
    """Load nothing: the state of workers that need none."""


@dataclass(frozen=True)
class Job:
    """The work of a stage on all of its shards.

    Attributes:
        name: of the stage, for the progress bar and in messages.
        work: returns the result of a shard from the state of the worker, the shard, and the bytes of its inputs. The
            same arguments give the same result, in any process. A function of a module, or a ``functools.partial`` of
            one, so that another process can find it. BLAS gets one thread: its products are small here, and its
            threads would fight with the other workers for the cores.
        load: returns the state of a worker, e.g. a model, from the ``folders``. Called once in each worker.
        folders: what ``load`` reads, folders or files. An executor may send them to where it computes, under other
            names.
        processes: that one machine starts; None: one a core, if the work takes more than a few seconds. 1 for work that
            uses all cores by itself.
        advice: what to do if a worker is killed for lack of memory: "lower ...".
        gpus: of each worker, on a cluster that has any.
        unit: of the progress bar.
    """

    name: str
    work: Callable[[Any, Shard, Sequence[bytes]], Any]
    load: Callable[..., Any] = no_state
    folders: tuple[Path, ...] = ()
    processes: int | None = None
    advice: str = "free some memory"
    gpus: float = 0
    unit: str = " images"
