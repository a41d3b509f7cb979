"""The JSON file that describes a model's arrays: one way to read it, one error if that fails."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scenes.common.errors import InputError
from scenes.common.outputs import damaged
from scenes.common.tables import read_json


def read_description(path: str | Path, what: str, required: Iterable[str] = ()) -> dict[str, Any]:
    """Return the JSON object that :func:`scenes.common.tables.write_json` wrote to ``path``.

    Args:
        path: of a file such as ``models/production/model.json``.
        what: the thing that the file describes, for the error message.
        required: keys that it must have.

    Raises:
        InputError: there is no such file, it does not hold a JSON object, or a key is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no {what} in {path.parent}; make it with `dvc repro` or fetch it with `dvc pull`")
    description = read_json(path)
    if not isinstance(description, dict):
        raise damaged(path)
    if missing := sorted(set(required) - description.keys()):
        raise damaged(path, f"it lacks {', '.join(missing)}")
    return description
