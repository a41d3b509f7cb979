"""The features in several files, read as one array."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


class ShardedRows:
    """Rows of features that stay in their files, see ``scenes.backbones.features``, until they are asked for.

    Indexed by a slice, or by an array of ints or bools, they give a NumPy array. A file is open only while rows are
    copied from it: there can be more files than a process may open.

    Attributes:
        shape: (n, d) of all files together.
    """

    def __init__(self, files: Sequence[Path], counts: Sequence[int], width: int) -> None:
        """Take the files in order, the number of rows of each, and the width of all rows."""
        self._files, self._counts = files, counts
        self._starts = np.cumsum([0, *counts])
        self.shape = (int(self._starts[-1]), width)

    @classmethod
    def concatenate(cls, parts: Sequence["ShardedRows"]) -> "ShardedRows":
        """Return the rows of all parts, one after the other."""
        files, counts = [file for part in parts for file in part._files], [n for part in parts for n in part._counts]
        return cls(files, counts, parts[0].shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return the rows, float32 (m, d), in the order in which they are asked for."""
        numbers = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else np.arange(len(self))[rows]
        result = np.empty((len(numbers), self.shape[1]), np.float32)
        order = np.argsort(numbers, kind="stable")
        bounds = np.searchsorted(numbers[order], self._starts)
        for path, start, first, last in zip(self._files, self._starts, bounds, bounds[1:], strict=False):
            if first < last:
                places = order[first:last]
                result[places] = np.load(path, mmap_mode="r")["features"][numbers[places] - start]
        return result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows, for functions of NumPy."""
        return self[:].astype(dtype or np.float32, copy=False)
