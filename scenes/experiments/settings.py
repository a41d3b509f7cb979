"""What ``dvc exp run -S`` is given, checked before anything runs."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from scenes.common.errors import InputError
from scenes.config import schema
from scenes.config.params import parse_yaml

PARAMS = "params.yaml"


def applied(settings: Sequence[str], path: str | Path = PARAMS) -> dict:
    """Return what params.yaml would hold in an experiment with ``settings``, by DVC's own reading of them.

    Args:
        settings: ``key=value``, as after ``-S``.
        path: the file that they change; it stays as it is.

    Raises:
        InputError: a key that params.yaml does not have, or values that ``scenes.config.schema`` refuses.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / PARAMS
        copy.write_bytes(Path(path).read_bytes())
        try:
            apply_overrides(copy, list(settings))
        except DvcException as error:
            reason = str(error.__cause__ or error).splitlines()[0]
            raise InputError(f"{', '.join(settings)}: {reason}") from None
        try:
            schema.check(copy)
        except InputError as error:
            name = f"{PARAMS} with {', '.join(settings)}" if settings else PARAMS
            raise InputError(str(error).replace(str(copy), name)) from None
        return parse_yaml(copy.read_text(encoding="utf-8"))


def absolute_files(params: dict) -> list[str]:
    """Return settings that make the relative ``file:`` paths of the chosen profile absolute.

    An experiment runs in a folder of its own, from where ``file:../archive.zip`` is another place. A stage whose only
    change is such a path runs again and finds the same bytes; those after it are not run.
    """
    profile = params["profile"]
    found = []
    for key in ("source", "weights"):
        value = params["profiles"][profile][key]
        if value.startswith("file:"):
            quoted = f"file:{Path(value.removeprefix('file:')).resolve()}".replace("\\", "\\\\").replace("'", "\\'")
            found.append(f"profiles.{profile}.{key}='{quoted}'")
    return found
