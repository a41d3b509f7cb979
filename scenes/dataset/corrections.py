"""Corrections: labels that people have corrected, a CSV file in git for each profile.

| column | |
|---|---|
| path | path in the archive |
| label | the right class, or ``drop``: the image is left out |
| remark | any text, such as a reason |

Nothing here changes the archive or the audit, which keep the labels as they were given.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.common import strict_csv
from scenes.common.errors import InputError
from scenes.common.tables import write_csv
from scenes.common.words import nearest, show, suggestion

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("path", "label", "remark")
DROP = "drop"  # in place of a class
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # but for tabs and ends of lines


def read(path: str | Path, audit: "pd.DataFrame") -> "pd.DataFrame":
    """Return the corrections in a file.

    Args:
        path: the file.
        audit: the table of ``scenes.audit.audit_table``.

    Returns:
        ``COLUMNS`` as text, in the order of the file.

    Raises:
        InputError: see :func:`parse` and :func:`check`.
    """
    table = parse(path)
    check(table, audit, path)
    return table


def parse(path: str | Path) -> "pd.DataFrame":
    """Return the corrections in a file, not yet checked against an audit: ``COLUMNS`` as text, by line number.

    Raises:
        InputError: see ``scenes.common.strict_csv.read``; or a remark has a control character.
    """
    table = strict_csv.read(path, COLUMNS)[list(COLUMNS)]
    for line, remark in table["remark"].items():
        if _CONTROL.search(remark):
            raise InputError(f"{path}, line {line}: the remark {show(remark)} has a control character; remove it")
    return table


def check(table: "pd.DataFrame", audit: "pd.DataFrame", source: object) -> None:
    """Raise an InputError at the first correction that does not fit the audit.

    It names a path that the audit does not have, an image without a label, or an unknown class; or the archive has a
    class named ``drop``.

    Args:
        table: see :func:`parse`.
        audit: see :func:`read`.
        source: the file, for the message.
    """
    given = dict(zip(audit["path"], audit["label"], strict=True))
    classes = sorted(set(given.values()) - {""})
    for line, path, label in zip(table.index, table["path"], table["label"], strict=True):
        where = f"{source}, line {line}"
        if DROP in classes:
            raise InputError(f"{where}: `{DROP}` is also a class of the archive; rename that class to use corrections")
        if path not in given:
            raise InputError(f"{where}: {show(path)} is not an image of the archive; {_suggest_image(path, given)}")
        if not given[path]:
            raise InputError(f"{where}: {show(path)} has no label in the archive to correct; remove this line")
        if label != DROP and label not in classes:
            raise InputError(f"{where}: {show(label)} is no class; {suggestion(label, [*classes, DROP])}")


def _suggest_image(path: str, known: Collection[str]) -> str:
    """Return the end of a message: the path that is most like ``path``, of those with its file name if there are any.

    Files of one name are looked at first, because among 27,000 paths the search takes two seconds.
    """
    name = path.rpartition("/")[2]
    same = [each for each in known if each.rpartition("/")[2] == name]
    near = nearest(path, same or known) or next(iter(same), None)
    return f"did you mean {show(near)}?" if near else "remove this line"


def unknown(table: "pd.DataFrame", audit: "pd.DataFrame") -> list[str]:
    """Return the paths that the audit does not have, or not with a label."""
    labelled = audit.loc[audit["label"] != "", "path"]
    return table.loc[~table["path"].isin(labelled), "path"].tolist()


def apply(audit: "pd.DataFrame", table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the audit with the corrected labels, without the images that are dropped.

    Args:
        audit: see :func:`read`.
        table: corrections that fit it.
    """
    if table.empty:
        return audit
    labels = audit["path"].map(table.set_index("path")["label"]).fillna(audit["label"])
    return audit.assign(label=labels)[labels != DROP]


def merge(old: "pd.DataFrame", new: "pd.DataFrame") -> "pd.DataFrame":
    """Return both, sorted by path; where both have a path, that of ``new``.

    An empty remark of ``new`` does not replace one of ``old`` on the same label.
    """
    import pandas as pd

    remarks = {(path, label): remark for path, label, remark in old[list(COLUMNS)].to_numpy()}
    kept = [remark or remarks.get((path, label), "") for path, label, remark in new[list(COLUMNS)].to_numpy()]
    both = pd.concat([old, new.assign(remark=kept)])
    return both.drop_duplicates("path", keep="last").sort_values("path", ignore_index=True)


def write(table: "pd.DataFrame", path: Any) -> None:
    """Write corrections as CSV to a path or a text stream."""
    write_csv(path, table[list(COLUMNS)])
