"""A file of which a parser gets no more than a budget, whatever the file's own numbers make it do."""

from collections.abc import Callable
from typing import Any, BinaryIO


class BudgetExceeded(Exception):
    """More has been read than a sound file makes a parser read."""


class LimitedReader:
    """A binary file for one reader; all but :meth:`read` is as the file has it.

    Attributes:
        left: what may still be read, in the unit of ``cost``; may be set anew.
    """

    def __init__(self, file: BinaryIO, budget: float, cost: Callable[[bytes], int]):
        """Begin with a budget.

        Args:
            file: stays open.
            budget: what may be read.
            cost: from what a call reads to what it takes off the budget.
        """
        self._file, self.left, self._cost = file, budget, cost

    def read(self, size: int = -1) -> bytes:
        """Read as ``io.BufferedIOBase.read`` does.

        Raises:
            RationExceeded: the budget is used up.
        """
        part = self._file.read(size)
        self.left -= self._cost(part)
        if self.left < 0:
            raise BudgetExceeded
        return part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
