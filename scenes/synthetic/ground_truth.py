"""The answer sheet of a drawn archive: the ground_truth.csv that ``scenes.synthetic.archive.draw_archive`` lays into it."""

import io
from typing import TYPE_CHECKING

from scenes.archive.layout import Archive
from scenes.archive.safe_zip import DamagedMember

if TYPE_CHECKING:
    import pandas as pd

MEMBER = "ground_truth.csv"
COLUMNS = ("path", "ground_truth", "label", "classes", "fault", "duplicate_of")


def read(archive: Archive) -> "pd.DataFrame | None":
    """Return the table, all columns as text; None for an archive without one, such as any that was photographed."""
    import pandas as pd

    try:
        text = archive.read(MEMBER).decode("utf-8")
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_filter=False)
    except (KeyError, DamagedMember, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        return None
    # Somebody else's file may have the same name.
    return table if tuple(table.columns) == COLUMNS else None
