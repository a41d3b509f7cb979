"""Arrays in .npy and .npz files that a stage wrote, read without pickles."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from scenes.common.outputs import checked, damaged


def load_arrays(path: str | Path, sha256: str | None = None) -> Any:
    """Return the array in an .npy file, or those in an .npz file by name.

    Args:
        path: the file.
        sha256: see :func:`scenes.common.outputs.checked`.

    Raises:
        InputError: the file is missing or damaged, or one of its numbers is not finite.
    """
    path = checked(path, sha256)
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            arrays = {"": loaded}
        else:
            with loaded:
                arrays = dict(loaded)
    except (EOFError, KeyError, NotImplementedError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        # For a file that is not an array, NumPy explains how to load it as a pickle, which would run its code.
        raise damaged(path, "" if "pickle" in str(error) else str(error)) from None
    for array in arrays.values():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise damaged(path, "it has a number that is not finite")
    return arrays.get("", arrays)
