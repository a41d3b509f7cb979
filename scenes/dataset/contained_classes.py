"""Which classes images contain, where that is known: judged by eye, or drawn.

``presence/<profile>.csv`` has a column ``path`` and one for each class, with 1 (the image contains it), 0, or ? where
a careful person could answer either way. The answer sheet of a drawn archive says the same of its images.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.common import strict_csv
from scenes.common.errors import InputError
from scenes.common.words import show
from scenes.layout.layout import Archive
from scenes.synthetic import ground_truth

if TYPE_CHECKING:
    import pandas as pd

_VALUES = {"1": 1.0, "0": 0.0, "?": np.nan}


def read(
    path: str | Path, archive_path: str | Path, *, settings: Mapping[str, Any], classes: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return what is known, by path in the archive: float64 (k,), 1, 0 or NaN in the order of ``classes``.

    Args:
        path: of ``presence/<profile>.csv``. Its rows may name images that the archive lacks. Where there are drawn
            images, it counts for the others alone: what is returned of these is their answer sheet's.
        archive_path, settings: see ``scenes.layout.layout.Archive.from_settings``.
        classes: names (k,).

    Raises:
        InputError: see ``scenes.common.strict_csv.read``; or a value is another one.
    """
    table = _parse(path, classes)
    rows = table.reindex(columns=list(classes), fill_value="?").to_numpy()
    known = {key: np.array([_VALUES[value] for value in row]) for key, row in zip(table["path"], rows, strict=True)}
    with Archive.from_settings(archive_path, settings) as archive:
        drawn = ground_truth.read(archive)
        others = {member.path for member in archive.members}
    if drawn is None:
        return known
    others -= set(drawn["path"])
    contents = drawn.loc[drawn["classes"] != ""].set_index("path")["classes"].str.split()
    values = {key: np.array([float(name in names) for name in classes]) for key, names in contents.items()}
    return {key: value for key, value in known.items() if key in others} | values


def _parse(path: str | Path, classes: Sequence[str]) -> "pd.DataFrame":
    table = strict_csv.read(path, ["path"], classes)
    for name in table.columns.drop("path"):
        for line, value in table[name].items():
            if value not in _VALUES:
                raise InputError(f"{path}, line {line}: {show(value)} in column {name}; write 1, 0 or ?")
    return table


def known_rows(keys: Sequence[str] | np.ndarray, known: Mapping[str, np.ndarray], classes: int) -> np.ndarray:
    """Return float64 (n, classes): what is known of each image, NaN where it is not.

    Args:
        keys: paths in the archive (n,).
        known: see :func:`read`.
    """
    unknown = np.full(classes, np.nan)
    return np.array([known.get(key, unknown) for key in keys]).reshape(-1, classes)
