"""The YAML files in this folder: what to run, in entries named after a model or a trial."""

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAMLError

from scenes.common.errors import InputError
from scenes.config.params import describe_yaml_error, parse_yaml
from scenes.config.problems import first_problem

Entry = TypeVar("Entry")


def load(path: str | Path, adapter: TypeAdapter[dict[str, Entry]]) -> dict[str, Entry]:
    """Return the entries of ``path`` by name, in its order.

    Raises:
        InputError: the file is not YAML, or an entry has another form than ``adapter`` expects. The message names the
            key.
    """
    try:
        values = parse_yaml(Path(path).read_text(encoding="utf-8"))
    except YAMLError as error:
        raise InputError(f"{path} is not YAML: {describe_yaml_error(error)}") from None
    try:
        return adapter.validate_python(values)
    except ValidationError as error:
        raise InputError(f"{path}: {first_problem(error, values)}") from None
