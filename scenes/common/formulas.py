"""Text that does something where a CSV file is shown: an apostrophe in the file makes it inert.

A spreadsheet takes a cell for a formula, such as ``=1+1``, if it begins with a character of ``_FIRST``, also after
blanks, or if its part after a semicolon or a tab does, because spreadsheets may split cells there. The apostrophe is
before it. See https://owasp.org/www-community/attacks/CSV_Injection.

`dvc plots` puts cells into a script of its page as they are, which ``</script>`` ends and ``<!--`` may extend. The
apostrophe is after the ``<``. See https://html.spec.whatwg.org/#restrictions-for-contents-of-script-elements.

Where there are apostrophes already, one more is added, so that :func:`original` undoes :func:`inert` exactly.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# The last four are fullwidth forms of the first four.
_FIRST = "[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_ACTIVE = re.compile(f"(^|[;\t])(?=[ ']*{_FIRST})|(<)(?='*[/!])")
_ESCAPED = re.compile(f"(^|[;\t])'(?=[ ']*{_FIRST})|(<)'(?='*[/!])")
# The same without groups and lookaheads, for which pandas searches a column ten times as fast.
_HAS_ACTIVE = f"(?:^|[;\t])[ ']*{_FIRST}|<'*[/!]"
_HAS_ESCAPED = f"(?:^|[;\t])'[ ']*{_FIRST}|<'+[/!]"


def inert(text: str) -> str:
    """Return ``text`` with an apostrophe before each formula, and after each ``<`` that may end a script."""
    return _ACTIVE.sub(r"\1\2'", text)


def original(text: str) -> str:
    """Return the text that :func:`inert` was called with."""
    return _ESCAPED.sub(r"\1\2", text)


def inert_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table with :func:`inert` applied to its text and to the names of its columns."""
    return _apply(inert, _HAS_ACTIVE, table)


def original_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table that :func:`inert_table` was called with."""
    return _apply(original, _HAS_ESCAPED, table)


def _apply(function: Callable[[str], str], needed: str, table: "pd.DataFrame") -> "pd.DataFrame":
    text = table.select_dtypes("str")
    changed = {name: column.map(function) for name, column in text.items() if column.str.contains(needed).any()}
    return table.assign(**changed).rename(columns=function)
