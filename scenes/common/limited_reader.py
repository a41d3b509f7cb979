"""A binary file that stops a parser once it has read more than a sound file needs."""

from collections.abc import Callable
from typing import Any, BinaryIO


class BudgetExceeded(Exception):
    """A parser has used up its budget."""


class LimitedReader:
    """A binary file with a budget for :meth:`read`; everything else is passed on to the file.

    Attributes:
        left: the rest of the budget, in the unit of ``cost``; may be set to another value.
    """

    def __init__(self, file: BinaryIO, budget: float, cost: Callable[[bytes], float]) -> None:
        """Wrap ``file``, which stays open.

        Args:
            file: the file to read from.
            budget: the sum of the costs allowed.
            cost: returns what one read costs, given its bytes.
        """
        self._file, self.left, self._cost = file, budget, cost

    def read(self, size: int = -1) -> bytes:
        """Read as ``io.BufferedIOBase.read`` does.

        Raises:
            BudgetExceeded: the budget is used up.
        """
        part = self._file.read(size)
        self.left -= self._cost(part)
        if self.left < 0:
            raise BudgetExceeded
        return part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
