"""Changes of values in params.yaml, in the form in which DVC writes it, so that comments and other lines stay."""

from collections.abc import Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from scenes.common.errors import InputError
from scenes.common.files import atomic_write


def update(path: str | Path, values: Mapping[str, Any]) -> list[str]:
    """Change values in a YAML file and return the keys whose values are now others.

    Args:
        path: the file; it is not written if no value differs.
        values: texts, numbers, booleans or None by dotted key, such as ``profiles.own.fit``.

    Raises:
        InputError: the file has no such key.
    """
    yaml = YAML()
    yaml.default_flow_style = False  # as dvc.utils.serialize has it
    tree, changed = yaml.load(Path(path).read_text(encoding="utf-8")), []
    for key, value in values.items():
        *parents, last = key.split(".")
        try:
            block = reduce(getitem, parents, tree)
            old = block[last]
        except (KeyError, TypeError):
            raise InputError(f"{path} has no `{key}`; restore it, e.g. with `git checkout {path}`") from None
        if old != value:
            block[last] = value
            changed.append(key)
    if changed:
        with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            yaml.dump(tree, file)
    return changed
