"""The settings after ``dvc exp run -S``, checked before anything runs."""

import re
import tempfile
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from scenes.common.archives import as_list
from scenes.common.errors import InputError
from scenes.common.tables import flatten
from scenes.common.words import nearest
from scenes.config import schema
from scenes.config.params import parse_yaml

PARAMS = "params.yaml"


def applied(settings: Sequence[str], path: str | Path = PARAMS) -> dict[str, Any]:
    """Return the content of params.yaml in an experiment with ``settings``, as DVC itself applies them.

    Args:
        settings: ``key=value``, as after ``-S``.
        path: the file to apply them to; it is not changed.

    Raises:
        InputError: a key is not in params.yaml, or ``scenes.config.schema`` refuses a value.
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
            if unknown := re.match("Could not override '(.+)'", reason):
                reason = f"{PARAMS} has no `{unknown[1]}`; {_nearest_key(unknown[1], copy)}"
            raise InputError(f"{', '.join(settings)}: {reason}") from None
        try:
            schema.check(copy)
        except InputError as error:
            name = f"{PARAMS} with {', '.join(settings)}" if settings else PARAMS
            raise InputError(str(error).replace(str(copy), name)) from None
        return parse_yaml(copy.read_text(encoding="utf-8"))


def _nearest_key(key: str, path: Path) -> str:
    leaves = flatten(parse_yaml(path.read_text(encoding="utf-8")))
    known = {part for leaf in leaves for part in accumulate(leaf.split("."), "{}.{}".format)}
    near = nearest(key, sorted(known))
    return f"did you mean `{near}`?" if near else f"look it up in {PARAMS}"


def absolute_files(params: dict[str, Any]) -> list[str]:
    """Return settings that make the relative ``file:`` paths of the selected profile absolute.

    An experiment runs in a folder of its own, where ``file:../archive.zip`` is another place. A stage whose only change
    is such a path runs again and finds the same bytes, so the stages after it do not run.
    """
    profile = params["profile"]
    block, settings = params["profiles"][profile], []
    values = {"source": block["source"]}
    values |= {f"features.{name}.weights": features["weights"] for name, features in block["features"].items()}
    for key, value in values.items():
        if any(text.startswith("file:") for text in as_list(value)):
            quoted = ",".join(map(_absolute, as_list(value)))
            settings.append(f"profiles.{profile}.{key}={f'[{quoted}]' if isinstance(value, list) else quoted}")
    return settings


def _absolute(source: str) -> str:
    """Return a source as DVC reads it on its command line, in quotes, with an absolute path if it is a ``file:``."""
    if source.startswith("file:"):
        source = f"file:{Path(source.removeprefix('file:')).resolve()}"
    quoted = source.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}'"
