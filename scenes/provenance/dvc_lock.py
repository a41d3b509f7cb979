"""dvc.lock: what each stage was run with and what it wrote, and how two such files differ."""

import graphlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scenes.common.errors import InputError
from scenes.common.tables import flatten

_FILES = ("deps", "outs")


@dataclass(frozen=True)
class Difference:
    """How a stage differs between two locks.

    Attributes:
        stage: its name.
        parts: what differs, by part: ``stage`` (which lock has it, ``first`` or ``second``), ``commands``, ``params``
            by dotted keys, and by their paths ``code`` (see :func:`is_code`), ``inputs`` (all other dependencies) and
            ``outputs``.
    """

    stage: str
    parts: Mapping[str, list[str]]

    @property
    def causes(self) -> dict[str, list[str]]:
        """All parts but the outputs. If there are none, the same work on the same data gave a different result."""
        return {part: names for part, names in self.parts.items() if part != "outputs"}


def read(path: str | Path) -> dict[str, dict]:
    """Return the stages in the dvc.lock at ``path``, by name, in its order.

    Raises:
        InputError: the file is missing, or DVC did not write it.
    """
    try:
        return parse(Path(path).read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run `dvc repro`, which writes it") from None


def parse(text: str, path: str | Path = "dvc.lock") -> dict[str, dict]:
    """Return the stages in the ``text`` of a dvc.lock, see :func:`read`; an error names ``path``."""
    try:
        stages = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["stages"]
        if all(isinstance(stage, dict) and "cmd" in stage for stage in stages.values()):
            return stages
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        pass
    raise InputError(f"{path} is not a lock as DVC writes it; restore it with git, or remove it and run `dvc repro`")


def files(stage: Mapping, part: str) -> dict[str, dict]:
    """Return the ``deps`` or ``outs`` of a stage by path, each with its hash, size and number of files."""
    return {entry["path"]: {key: entry[key] for key in entry if key != "path"} for entry in stage.get(part) or []}


def params(stage: Mapping) -> dict[str, Any]:
    """Return the parameters that a stage was run with, by dotted keys, down to single values and lists."""
    return {key: value for file in (stage.get("params") or {}).values() for key, value in flatten(file).items()}


def overlap(one: str, other: str) -> bool:
    """Return whether two paths, as DVC writes them, are the same, or one is inside the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def written(stages: Mapping[str, Mapping], path: str) -> bool:
    """Return whether any of ``stages`` writes ``path``, something in it, or a folder that contains it."""
    return any(overlap(path, out) for stage in stages.values() for out in files(stage, "outs"))


def is_code(stages: Mapping[str, Mapping], path: str) -> bool:
    """Return whether a dependency is code: a stage's file in code/, or another that neither people nor stages write."""
    return path.startswith("code/") or not (path.startswith(("corrections/", "presence/")) or written(stages, path))


def needed(stages: Mapping[str, Mapping]) -> dict[str, set[str]]:
    """Return for each stage the names of the stages whose outputs it depends on."""
    outs = [(out, name) for name, stage in stages.items() for out in files(stage, "outs")]
    return {
        name: {other for dep in files(stage, "deps") for out, other in outs if overlap(dep, out)}
        for name, stage in stages.items()
    }


def ordered(stages: Mapping[str, Mapping]) -> list[str]:
    """Return the names of ``stages``, each after those that it depends on, otherwise in their order.

    Raises:
        InputError: stages depend on each other.
    """
    position = {name: number for number, name in enumerate(stages)}
    sorter = graphlib.TopologicalSorter(needed(stages))
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise InputError(f"dvc.lock has stages that depend on each other ({circle}); run `dvc repro`") from None
    order: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=lambda name: position[name])
        order.append(ready.pop(0))
        sorter.done(order[-1])
    return order


def chain(stages: Mapping[str, Mapping], *ends: str) -> list[str]:
    """Return ``ends`` and all the stages that they depend on, in order."""
    before, todo = needed(stages), set(ends)
    names: set[str] = set()
    while todo:
        names |= todo
        todo = {dependency for name in todo for dependency in before[name]} - names
    return [name for name in ordered(stages) if name in names]


def differences(one: Mapping[str, Mapping], other: Mapping[str, Mapping]) -> list[Difference]:
    """Return what differs between two locks, by stage, each after those that it depends on.

    So nothing that the first of them depends on differs.
    """
    both = {
        name: {part: [*(one.get(name, {}).get(part) or []), *(other.get(name, {}).get(part) or [])] for part in _FILES}
        for name in {**one, **other}
    }
    compared = [Difference(name, _parts(one.get(name), other.get(name), both)) for name in ordered(both)]
    return [difference for difference in compared if difference.parts]


def _parts(one: Mapping | None, other: Mapping | None, both: Mapping[str, Mapping]) -> dict[str, list[str]]:
    if one is None or other is None:
        return {"stage": ["first" if other is None else "second"]}
    deps = _changed(files(one, "deps"), files(other, "deps"))
    parts = {
        "commands": _lines(one["cmd"], other["cmd"]),
        "params": _changed(params(one), params(other)),
        "code": [path for path in deps if is_code(both, path)],
        "inputs": [path for path in deps if not is_code(both, path)],
        "outputs": _changed(files(one, "outs"), files(other, "outs")),
    }
    return {part: names for part, names in parts.items() if names}


def _lines(one: str | list[str], other: str | list[str]) -> list[str]:
    """Return the lines in which two commands differ, in order."""
    lists = [[command] if isinstance(command, str) else command for command in (one, other)]
    pairs = (pair for pair in itertools.zip_longest(*lists) if pair[0] != pair[1])
    return [line for pair in pairs for line in pair if line is not None]


def _changed(one: Mapping, other: Mapping) -> list[str]:
    """Return the keys, sorted, that only one has or whose values differ; 1 differs from 1.0 and from True."""

    def text(value: Any) -> str:
        return json.dumps(value, sort_keys=True, default=repr)

    same = {key for key in one.keys() & other.keys() if text(one[key]) == text(other[key])}
    return sorted((one.keys() | other.keys()) - same)


def format_difference(difference: Difference, *, names: tuple[str, str], exact: bool) -> str:
    """Return a sentence: how a stage differs between two locks, and what explains it.

    Args:
        names: how to call the two locks.
        exact: whether the stage must give the same bytes on every machine, not just on machines of one kind.
    """
    name, parts = difference.stage, difference.parts
    if "stage" in parts:
        present, absent = names if parts["stage"] == ["first"] else reversed(names)
        return f"{name} is in {present} and not in {absent}"
    if difference.causes:
        causes = [f"other {part} ({_list(changed)})" for part, changed in difference.causes.items()]
        return f"{name} was run with {' and '.join(causes)}"
    same = f"{name} gives other bytes ({_list(parts['outputs'])}) from the same commands, params, code and inputs"
    if exact:
        return f"{same}; its result does not depend on how a processor rounds: this is a defect"
    return (
        f"{same}; it sums floats, and another kind of processor or another build of a library rounds differently: "
        "on a machine of the same kind this would be a defect"
    )


def _list(names: list[str], shown: int = 4) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
