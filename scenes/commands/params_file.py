"""Changes of single values in params.yaml: everything else in the file, remarks included, stays as it is."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode

from scenes.common.errors import InputError
from scenes.common.files import atomic_write
from scenes.config.params import parse_yaml


def set_values(text: str, values: Mapping[str, Any]) -> str:
    """Return a YAML text with other values.

    Args:
        text: a mapping of mappings.
        values: texts, whole numbers or None by dotted key, such as ``profiles.own.fit``. The old values are scalars.

    Raises:
        KeyError: ``text`` has no such key.
    """
    root = YAML(typ="rt", pure=True).compose(text)
    edits = []
    for key, value in values.items():
        name, node = _find(root, key)
        start, end = node.start_mark.index, node.end_mark.index
        new = _scalar(value)
        if start == end:  # nothing after the colon; ruamel takes the next key for its place
            start = end = text.index(":", name.end_mark.index) + 1
            new = f" {new}"
        edits.append((start, end, new))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def update(path: str | Path, values: Mapping[str, Any]) -> list[str]:
    """Change values in a file, see :func:`set_values`, and return the keys whose values are now others.

    Raises:
        InputError: the file has no such key.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    old = parse_yaml(text)
    changed = {key: value for key, value in values.items() if _get(path, old, key) != value}
    if changed:
        with atomic_write(path) as temporary:
            temporary.write_text(set_values(text, changed), encoding="utf-8", newline="\n")
    return list(changed)


def _find(node: Any, key: str) -> tuple[ScalarNode, ScalarNode]:
    """Return the nodes of a key and of its value."""
    name = None
    for part in key.split("."):
        pairs = node.value if isinstance(node, MappingNode) else ()
        name, node = next(((name, value) for name, value in pairs if name.value == part), (None, None))
    if name is None or not isinstance(node, ScalarNode):
        raise KeyError(key)
    return name, node


def _scalar(value: Any) -> str:
    """Return a value as YAML: JSON is a part of it, but plain words need no quotes."""
    if isinstance(value, str) and parse_yaml(value if re.fullmatch("[a-z]+", value) else "null") == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _get(path: Path, values: Any, key: str) -> Any:
    for part in key.split("."):
        try:
            values = values[part]
        except (KeyError, TypeError):
            raise InputError(f"{path} has no `{key}`; restore it, e.g. with `git checkout {path}`") from None
    return values
