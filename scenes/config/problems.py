"""What pydantic finds wrong in a YAML file, as one sentence that names the key."""

from itertools import groupby
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scenes.common.words import nearest, suggestion
from scenes.config.section import ONE

_UNKNOWN, _MISSING = "extra_forbidden", "missing"


def first_problem(error: ValidationError, values: Any) -> str:
    """Return the first problem as a sentence, and how many more there are.

    Args:
        values: the content of the file.
    """
    problems = [part for problem in error.errors(include_url=False) for part in _without_tag(problem)]
    # A misspelled key is unknown, and the right one is missing: the unknown one shows the mistake.
    first, *others = sorted(problems, key=lambda each: each["type"] != _UNKNOWN)
    keys, parent = _find(first, values)
    name = _named(keys)
    if first["type"] == _UNKNOWN:
        beside = [each for each in problems if each["loc"][:-1] == first["loc"][:-1]]
        unknown = {each["loc"][-1] for each in beside if each["type"] == _UNKNOWN}
        missing = {each["loc"][-1]: each for each in beside if each["type"] == _MISSING}
        known = sorted(map(str, {*parent, *missing} - unknown))
        same = missing.get(nearest(str(keys[-1]), known) or "")  # that the right key is missing is the same mistake
        others = [each for each in others if each is not same]
        text = f"{name} is not a known key; {suggestion(str(keys[-1]), known)}"
    elif first["type"] == _MISSING:
        text = f"{name} is missing; add it"
    else:
        text = f"{name}: " if keys else ""
        text += first["msg"].removeprefix("Value error, ")
        if first["loc"][-1:] == (ONE,) and first["type"].endswith("_type"):
            text += ", or a list of several"
    return f"{text} (and {len(others)} more)" if others else text


def _without_tag(problem: ErrorDetails) -> list[ErrorDetails]:
    """Return a problem as it is, but that of a mapping without the key that says its kind as that of a missing key."""
    if problem["type"] != "union_tag_not_found":
        return [problem]
    tag, loc = problem["ctx"]["discriminator"].strip("'"), problem["loc"]
    misspelled = nearest(tag, map(str, problem["input"]))
    result = [ErrorDetails(type=_MISSING, loc=(*loc, tag), msg="", input=None)]
    return [*result, ErrorDetails(type=_UNKNOWN, loc=(*loc, misspelled), msg="", input=None)] if misspelled else result


def _named(keys: list[str | int]) -> str:
    """Return keys for a message; numbers count the entries of a list from 0."""
    parts = []
    for is_entry, group in groupby(keys, lambda key: isinstance(key, int)):
        if is_entry:
            parts += [f"entry {int(number) + 1}" for number in group]
        else:
            parts.append(f"`{'.'.join(map(str, group))}`")
    return ", ".join(parts)


def _find(problem: ErrorDetails, values: Any) -> tuple[list[str | int], dict[Any, Any]]:
    """Return the keys that lead to a problem, numbers in lists, and the mapping that holds the last of them.

    Where a value may be of several kinds, pydantic's location has the name of a kind among the keys.
    """
    keys: list[str | int] = []
    parent: dict[Any, Any] = {}
    *_, last = problem["loc"] or ("",)
    for part in problem["loc"]:
        if isinstance(values, dict) and (part in values or (problem["type"] == _MISSING and part == last)):
            parent, values = values, values.get(part)
            keys.append(str(part))
        elif isinstance(values, list) and isinstance(part, int):
            values = values[part]
            keys.append(part)
    return keys, parent
