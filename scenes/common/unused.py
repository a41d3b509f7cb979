"""Outputs of stages that have nothing to do in this profile, because a feature set is not enabled in it.

DVC expects every output of a stage. A file with a header only is one that it also draws without a warning.
"""

from collections.abc import Iterable
from pathlib import Path

from scenes.common.files import atomic_dir

MARK = "unused.csv"


def mark(*folders: str | Path) -> None:
    """Make ``folders`` anew, with nothing in them but the file ``MARK``."""
    for folder in folders:
        with atomic_dir(folder) as created:
            write_header(created / MARK, ["unused"])


def is_unused(folder: str | Path) -> bool:
    """Return whether ``folder`` has the file that :func:`mark` writes."""
    return (Path(folder) / MARK).is_file()


def write_header(path: str | Path, columns: Iterable[str], sep: str = ",") -> None:
    """Write a table without rows. Unlike ``scenes.common.tables.write_csv``, this does not need pandas."""
    Path(path).write_text(sep.join(columns) + "\n", encoding="utf-8", newline="\n")
