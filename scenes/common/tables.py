"""JSON and CSV files, read and written in one way: the same values give the same bytes."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def read_json(path: str | Path) -> Any:
    """Return the value in a JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON.
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_csv(path: str | Path, table: "pd.DataFrame", sep: str = ",") -> None:
    """Write ``table`` without its index and with floats of six decimals."""
    table.to_csv(path, sep=sep, index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n", encoding="utf-8")


def read_csv(path: Any, integers: "Collection[str]" = (), columns: "Collection[str] | None" = None) -> "pd.DataFrame":
    """Read all columns as text, so that a class may be called NA or 007.

    Args:
        path: a path or a text stream.
        integers: columns to return as int64 instead.
        columns: the only ones to read; None: all.
    """
    import pandas as pd

    only = None if columns is None else list(columns)
    table = pd.read_csv(path, usecols=only, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8")
    return table.astype(dict.fromkeys(integers, "int64"))
