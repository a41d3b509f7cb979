"""A file of which a parser gets no more than a ration, whatever the file's own numbers make it do."""

from collections.abc import Callable
from typing import Any, BinaryIO


class RationExceeded(Exception):
    """More has been read than a sound file makes a parser read."""


class Rationed:
    """A binary file for one reader; all but :meth:`read` is as the file has it.

    Attributes:
        left: what may still be read, in the unit of ``cost``; may be set anew.
    """

    def __init__(self, file: BinaryIO, ration: float, cost: Callable[[bytes], int]):
        """Begin with a ration.

        Args:
            file: stays open.
            ration: what may be read.
            cost: from what a call reads to what it takes off the ration.
        """
        self._file, self.left, self._cost = file, ration, cost

    def read(self, size: int = -1) -> bytes:
        """Read as ``io.BufferedIOBase.read`` does.

        Raises:
            RationExceeded: the ration is used up.
        """
        part = self._file.read(size)
        self.left -= self._cost(part)
        if self.left < 0:
            raise RationExceeded
        return part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
