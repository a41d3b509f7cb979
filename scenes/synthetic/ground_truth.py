"""The answer sheets of drawn archives: ``ground_truth.csv``, with a row for every other member of the zip."""

import io
from typing import TYPE_CHECKING

from scenes.archive.safe_zip import DamagedMember
from scenes.common.tables import read_csv
from scenes.layout.layout import Archive
from scenes.layout.members import prefix

if TYPE_CHECKING:
    import pandas as pd

MEMBER = "ground_truth.csv"
COLUMNS = ("path", "ground_truth", "label", "classes", "fault", "duplicate_of", "change")


def read(archive: Archive) -> "pd.DataFrame | None":
    """Return the table, all columns as text; see :func:`scenes.synthetic.archive.draw_archive`.

    Returns:
        The rows of those archives that are drawn; None if none is.
    """
    import pandas as pd

    tables = [_read(archive, prefix(number)) for number in range(1, len(archive.archives) + 1)]
    drawn = [table for table in tables if table is not None]
    return pd.concat(drawn, ignore_index=True) if drawn else None


def _read(archive: Archive, begin: str) -> "pd.DataFrame | None":
    """Return the table of the archive whose paths begin with ``begin``; None if it has none, as one of photographs."""
    import pandas as pd

    try:
        table = read_csv(io.StringIO(archive.read(f"{begin}{MEMBER}").decode("utf-8")))
    except (KeyError, DamagedMember, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        return None
    if tuple(table.columns) != COLUMNS:  # another file of this name
        return None
    for column in ("path", "duplicate_of"):
        table[column] = table[column].where(table[column] == "", begin + table[column])
    return table
