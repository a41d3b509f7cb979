"""The files in this folder that say what to run: YAML, of which each entry is named after a model or a trial."""

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAMLError

from scenes.common.errors import InputError
from scenes.config.params import parse_yaml
from scenes.config.section import ModelName, Section

Entry = TypeVar("Entry", bound=Section)


def load(path: str | Path, kind: type[Entry]) -> dict[str, Entry]:
    """Return the entries of ``path`` by name, in its order.

    Raises:
        InputError: it is not YAML, or an entry is not of that ``kind``; the sentence names the key.
    """
    try:
        content = parse_yaml(Path(path).read_text(encoding="utf-8"))
        return TypeAdapter(dict[ModelName, kind]).validate_python(content)
    except YAMLError as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{path}: `{'.'.join(map(str, first['loc']))}`: {first['msg']}") from None
