"""Folders as bytes, so that they can travel to another machine."""

import io
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def pack(folders: Sequence[Path]) -> bytes:
    """Return the folders or files as a tar, each under its number. Symbolic links are followed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as tar:
        for number, folder in enumerate(folders):
            tar.add(folder, f"{number}/{folder.name}")
    return buffer.getvalue()


@contextmanager
def unpacked(packed: bytes) -> Iterator[list[Path]]:
    """Yield the paths of what :func:`pack` has packed, in a temporary folder that is removed after the block."""
    with tempfile.TemporaryDirectory(prefix="scenes-") as temporary, tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        tar.extractall(temporary, filter="data")
        numbered = sorted(Path(temporary).iterdir(), key=lambda path: int(path.name))
        yield [next(path.iterdir()) for path in numbered]
