"""Cells that a spreadsheet would take for a formula, such as ``=1+1``: in CSV files an apostrophe is before them.

A cell is one if it begins with a character of ``_FIRST``, also after blanks, or if its part after a semicolon or a tab
does, because spreadsheets may split cells there. Where apostrophes are before such a character, one more is added, so
that :func:`original` undoes :func:`inert` exactly. See https://owasp.org/www-community/attacks/CSV_Injection.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# The last four are fullwidth forms of the first four.
_FIRST = "[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(f"(^|[;\t])(?=[ ']*{_FIRST})")
_ESCAPED = re.compile(f"(^|[;\t])'(?=[ ']*{_FIRST})")
# The same without groups and lookaheads, for which pandas searches a column ten times as fast.
_HAS_FORMULA = f"(?:^|[;\t])[ ']*{_FIRST}"
_HAS_ESCAPED = f"(?:^|[;\t])'[ ']*{_FIRST}"


def inert(text: str) -> str:
    """Return ``text`` with an apostrophe before each part that a spreadsheet would take for a formula."""
    return _FORMULA.sub(r"\1'", text)


def original(text: str) -> str:
    """Return the text that :func:`inert` was called with."""
    return _ESCAPED.sub(r"\1", text)


def inert_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table with :func:`inert` applied to its text and to the names of its columns."""
    return _apply(inert, _HAS_FORMULA, table)


def original_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table that :func:`inert_table` was called with."""
    return _apply(original, _HAS_ESCAPED, table)


def _apply(function: Callable[[str], str], needed: str, table: "pd.DataFrame") -> "pd.DataFrame":
    text = table.select_dtypes("str")
    changed = {name: column.map(function) for name, column in text.items() if column.str.contains(needed).any()}
    return table.assign(**changed).rename(columns=function)
