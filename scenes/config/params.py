"""Reads params.yaml. ``scenes.config.schema`` checks it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ruamel.yaml import YAML, YAMLError

from scenes.common.errors import InputError
from scenes.common.words import suggestion


class Params(SimpleNamespace):
    """A mapping in params.yaml with attribute access; ``params[name]`` looks up a name held in a variable."""

    def __getitem__(self, key: str) -> Any:
        try:
            return self.__dict__[key]
        except KeyError:
            raise InputError(f"params.yaml does not describe {key!r}; {suggestion(key, self.__dict__)}") from None


def _wrap(value: Any) -> Any:
    if isinstance(value, dict):
        return Params(**{str(key): _wrap(item) for key, item in value.items()})
    return value


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML 1.2 text. DVC reads and writes params.yaml as such: ``4e-05`` is a number in it.

    Raises:
        ruamel.yaml.YAMLError: ``text`` is not YAML.
    """
    return YAML(typ="safe", pure=True).load(text)


def describe_yaml_error(error: Exception) -> str:
    """Return what is wrong and where, without the line itself or a value: an address in it may hold a signature."""
    problem = str(getattr(error, "problem", None) or error).partition(" with value ")[0]
    mark = getattr(error, "problem_mark", None)
    return " ".join(problem.split()) + (f" in line {mark.line + 1}, column {mark.column + 1}" if mark else "")


def read(path: str | Path = "params.yaml") -> Params:
    """Return the parameters, with the block of the selected profile as ``profile_settings``.

    The values are not validated: the first stage, ``code``, has checked the whole file.

    Raises:
        InputError: ``path`` is not YAML, or it does not have the selected profile.
    """
    try:
        params = _wrap(parse_yaml(Path(path).read_text(encoding="utf-8")))
        params.profile_settings = params.profiles[params.profile]
    except (YAMLError, UnicodeDecodeError, AttributeError, TypeError):
        raise InputError(f"{path} cannot be used; run `scenes check`, which says why") from None
    return params


def to_dict(params: Params) -> dict:
    """Return ``params`` as nested dicts, for keyword arguments or JSON."""
    return {key: to_dict(value) if isinstance(value, Params) else value for key, value in vars(params).items()}
