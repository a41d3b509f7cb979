"""Reading params.yaml. What the values may be is the business of ``scenes.config.schema``."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ruamel.yaml import YAML


class Params(SimpleNamespace):
    """A mapping of params.yaml with attribute access; ``params[name]`` takes a name held in a variable."""

    def __getitem__(self, key: str) -> Any:
        return self.__dict__[key]


def _wrap(value: Any) -> Any:
    if isinstance(value, dict):
        return Params(**{str(key): _wrap(item) for key, item in value.items()})
    return value


def parse(text: str) -> Any:
    """Return what a text in YAML 1.2 holds, which is how DVC reads and writes params.yaml: ``4e-05`` is a number there.

    Raises:
        ruamel.yaml.YAMLError: it is not YAML.
    """
    return YAML(typ="safe", pure=True).load(text)


def read(path: str | Path = "params.yaml") -> Params:
    """Return the parameters, with ``profile_settings`` standing for the block of the chosen profile.

    The first stage of dvc.yaml runs ``python -m scenes.config.schema``, which checks the whole file; so this neither validates
    nor imports anything that does.
    """
    params = _wrap(parse(Path(path).read_text(encoding="utf-8")))
    params.profile_settings = params.profiles[params.profile]
    return params


def to_dict(params: Params) -> dict:
    """Return ``params`` as nested dicts, e.g. for keyword arguments or JSON."""
    return {key: to_dict(value) if isinstance(value, Params) else value for key, value in vars(params).items()}
