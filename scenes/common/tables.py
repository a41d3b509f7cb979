"""JSON and CSV files, read and written in one way: the same values give the same bytes."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.common import formulas
from scenes.common.outputs import checked, damaged

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd

DECIMALS = 6  # beyond these, `dvc metrics diff` would only show noise


def rounded(value: Any) -> Any:
    """Return a number, or nested dicts of them, as plain Python: floats rounded, integers and None unchanged."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value if value is None or isinstance(value, int) else round(float(value), DECIMALS)


def flatten(tree: "Mapping[str, Any]", prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested dicts by dotted key, in order. An empty dict is a leaf."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            leaves |= flatten(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys."""
    text = json.dumps(value, indent=2, sort_keys=True) + "\n"
    Path(path).write_text(text, encoding="utf-8", newline="\n")


class _Object(dict[str, Any]):
    """An object in a JSON file that a stage wrote. Looking up a key that it lacks raises an InputError."""

    def __init__(self, path: str | Path, items: "Mapping[str, Any]") -> None:
        super().__init__(items)
        self._path = path

    def __missing__(self, key: str) -> Any:
        raise damaged(self._path, f"it lacks {key}")


def read_json(path: str | Path, required: "Collection[str]" = ()) -> dict[str, Any]:
    """Return the object in a JSON file that a stage wrote.

    Args:
        path: the file.
        required: keys that it must have. Any other is missed when it is looked up, which raises an InputError too.

    Raises:
        InputError: the file is missing or damaged, or lacks a key.
    """
    try:
        text = checked(path).read_text(encoding="utf-8")
        value = json.loads(text, object_hook=lambda items: _Object(path, items))
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise damaged(path, "not a JSON object")
    if missing := sorted(set(required) - value.keys()):
        raise damaged(path, f"it lacks {', '.join(missing)}")
    return value


def write_csv(path: Any, table: "pd.DataFrame", *, header: bool = True) -> None:
    """Write ``table`` without its index and with floats of six decimals.

    An apostrophe makes formulas and ends of scripts inert, see ``scenes.common.formulas``.

    Args:
        path: a path or a text stream.
        header: whether to write the names of the columns.
    """
    formulas.inert_table(table).to_csv(
        path, index=False, header=header, float_format=f"%.{DECIMALS}f", lineterminator="\n", encoding="utf-8"
    )


def read_csv(path: Any, integers: "Collection[str]" = (), columns: "Collection[str] | None" = None) -> "pd.DataFrame":
    """Read all columns as text, so that a class may be called NA or 007; undo the apostrophes of :func:`write_csv`.

    Args:
        path: a path or a text stream.
        integers: columns to return as int64 instead.
        columns: the only ones to read; None: all.

    Raises:
        InputError: the file is missing or damaged, or lacks a column.
        ValueError: the same of a stream.
    """
    import pandas as pd

    only, in_file = None if columns is None else list(columns), isinstance(path, str | Path)
    try:
        # As latin-1 any bytes are lines, and pandas fills a row that is cut short.
        if in_file and not checked(path).read_text(encoding="latin-1").endswith("\n"):
            raise ValueError("it is cut short")
        table = pd.read_csv(path, usecols=only, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8")
        return formulas.original_table(table).astype(dict.fromkeys(integers, "int64"))
    except (ValueError, OverflowError) as error:
        if not in_file:
            raise
        raise damaged(path, str(error).strip()) from None
