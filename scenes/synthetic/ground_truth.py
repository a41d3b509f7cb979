"""The answer sheet of a drawn archive: ``ground_truth.csv``, a member with a row for every other member of the zip."""

import io
from typing import TYPE_CHECKING

from scenes.archive.safe_zip import DamagedMember
from scenes.common.tables import read_csv
from scenes.layout.layout import Archive

if TYPE_CHECKING:
    import pandas as pd

MEMBER = "ground_truth.csv"
COLUMNS = ("path", "ground_truth", "label", "classes", "fault", "duplicate_of", "change")


def read(archive: Archive) -> "pd.DataFrame | None":
    """Return the table, all columns as text; see :func:`scenes.synthetic.archive.draw_archive`.

    Returns:
        None if the archive has no such table, as is the case for archives of photographs.
    """
    import pandas as pd

    try:
        table = read_csv(io.StringIO(archive.read(MEMBER).decode("utf-8")))
    except (KeyError, DamagedMember, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        return None
    # Another archive may have a file of this name.
    return table if tuple(table.columns) == COLUMNS else None
