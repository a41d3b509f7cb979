"""dvc.lock: what each stage was run with and what came out, and where two such files differ."""

import graphlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from scenes.common.errors import InputError

_FILES = ("deps", "outs")


@dataclass(frozen=True)
class Difference:
    """How a stage differs between two locks.

    Attributes:
        stage: its name.
        parts: what differs, by part: ``stage`` (which of the two has it, ``first`` or ``second``), ``commands``,
            ``params`` by dotted keys, ``code`` (see :func:`is_code`), ``inputs`` (other dependencies) and ``outputs``
            by their paths.
    """

    stage: str
    parts: Mapping[str, list[str]]

    @property
    def causes(self) -> dict[str, list[str]]:
        """What differs, but for the outputs. If nothing does, the same work on the same data gave something else."""
        return {part: names for part, names in self.parts.items() if part != "outputs"}


def read(path: str | Path) -> dict[str, dict]:
    """Return the stages in the dvc.lock at ``path``, by name, in its order.

    Raises:
        InputError: there is none, or it is not what DVC writes.
    """
    try:
        return parse(Path(path).read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run `dvc repro`, which writes it") from None


def parse(text: str, path: str | Path = "dvc.lock") -> dict[str, dict]:
    """Return the stages in the ``text`` of a dvc.lock; ``path`` is named in the error, see :func:`read`."""
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


def params(stage: Mapping) -> dict[str, object]:
    """Return the parameters that a stage was run with, by dotted keys, down to single values and lists."""
    return {key: value for file in (stage.get("params") or {}).values() for key, value in _leaves(file)}


def _leaves(tree: Mapping, prefix: str = ""):
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def overlap(one: str, other: str) -> bool:
    """Return whether two paths, as DVC writes them, are the same or one lies in the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def written(stages: Mapping[str, Mapping], path: str) -> bool:
    """Return whether any of ``stages`` writes ``path``, into it, or the folder that it lies in."""
    return any(overlap(path, out) for stage in stages.values() for out in files(stage, "outs"))


def is_code(stages: Mapping[str, Mapping], path: str) -> bool:
    """Return whether a dependency is code: a stage's file in code/, or what no stage writes."""
    return path.startswith("code/") or not written(stages, path)


def needed(stages: Mapping[str, Mapping]) -> dict[str, set[str]]:
    """Return for each stage the names of those whose outputs it depends on."""
    outs = [(out, name) for name, stage in stages.items() for out in files(stage, "outs")]
    return {
        name: {other for dep in files(stage, "deps") for out, other in outs if overlap(dep, out)}
        for name, stage in stages.items()
    }


def ordered(stages: Mapping[str, Mapping]) -> list[str]:
    """Return the names of ``stages``, each after those that it depends on, else in the order given.

    Raises:
        InputError: some depend on each other.
    """
    position = {name: number for number, name in enumerate(stages)}
    sorter = graphlib.TopologicalSorter(needed(stages))
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise InputError(f"dvc.lock has stages that depend on each other ({circle}); run `dvc repro`") from None
    order, ready = [], []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=position.get)
        order.append(ready.pop(0))
        sorter.done(order[-1])
    return order


def chain(stages: Mapping[str, Mapping], *ends: str) -> list[str]:
    """Return ``ends`` and all the stages that they depend on, in order."""
    before, found, todo = needed(stages), set(), set(ends)
    while todo:
        found |= todo
        todo = set().union(*(before[name] for name in todo)) - found
    return [name for name in ordered(stages) if name in found]


def differences(one: Mapping[str, Mapping], other: Mapping[str, Mapping]) -> list[Difference]:
    """Return what differs between two locks, by stage, each after those that it depends on.

    So it begins at the first one of them: nothing that this depends on differs.
    """
    both = {
        name: {part: [*(one.get(name, {}).get(part) or []), *(other.get(name, {}).get(part) or [])] for part in _FILES}
        for name in {**one, **other}
    }
    found = [Difference(name, _parts(one.get(name), other.get(name), both)) for name in ordered(both)]
    return [difference for difference in found if difference.parts]


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
    """Return the lines of two commands that are not the same, in order."""
    lists = [[command] if isinstance(command, str) else command for command in (one, other)]
    pairs = (pair for pair in itertools.zip_longest(*lists) if pair[0] != pair[1])
    return [line for pair in pairs for line in pair if line is not None]


def _changed(one: Mapping, other: Mapping) -> list[str]:
    """Return the keys, sorted, that only one has or whose values differ; 1 is neither 1.0 nor True here."""

    def text(value) -> str:
        return json.dumps(value, sort_keys=True, default=repr)

    same = {key for key in one.keys() & other.keys() if text(one[key]) == text(other[key])}
    return sorted((one.keys() | other.keys()) - same)


def format_difference(difference: Difference, *, names: tuple[str, str], exact: bool) -> str:
    """Return in words how a stage, the first that differs, differs and what explains it.

    Args:
        names: of the two locks.
        exact: whether the stage must give the same bytes on every machine; else on machines of one kind.
    """
    name, parts = difference.stage, difference.parts
    if "stage" in parts:
        there, missing = names if parts["stage"] == ["first"] else reversed(names)
        return f"{name} stands in {there} and not in {missing}"
    if difference.causes:
        listed = [f"other {part} ({_list(found)})" for part, found in difference.causes.items()]
        return f"{name} was run with {' and '.join(listed)}"
    same = f"{name} gives other bytes ({_list(parts['outputs'])}) from the same commands, params, code and inputs"
    if exact:
        return f"{same}; nothing there hangs on how a processor rounds: this is a defect"
    return (
        f"{same}; floats are summed there, which another kind of processor or another build of a library rounds "
        "otherwise: on a machine like the one that wrote it this would be a defect"
    )


def _list(names: list[str], shown: int = 4) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
