"""``scenes experiments``: each experiment, the parameters that it changed and its scores, in 120 columns.

    make experiments      # or: python -m scenes experiments; with options of `dvc exp show`, such as --all-commits

`dvc exp show` has a column for each parameter, dependency and score of each model. Here a model has a row, below the
experiment in which its scores changed.
"""

import argparse
import json
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from scenes.commands.review import dvc
from scenes.common.tables import flatten
from scenes.evaluation.metrics import HEADLINES

WIDTH = 120


def main(argv: list[str] | None = None) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        prog="scenes experiments",
        usage="scenes experiments [-h] [OPTION ...]",
        description="Show what each experiment changed, and its scores. OPTION is one of `dvc exp show`, such as "
        "--all-commits.",
    )
    _, options = parser.parse_known_args(argv)
    command = ["exp", "show", "--hide-workspace", *options, "--json"]
    print(f"dvc {shlex.join(command)}", flush=True)
    print(format_experiments(json.loads(dvc(*command))))
    return 0


def format_experiments(commits: Sequence[Mapping[str, Any]]) -> str:
    """Return the first commit, and each with experiments, as text.

    Args:
        commits: what ``dvc exp show --json`` prints.
    """
    lines: list[str] = []
    for commit in [*commits[:1], *(commit for commit in commits[1:] if commit["experiments"])]:
        before = _scores(commit)
        lines += [commit["name"] or commit["rev"][:7], *_table(before), ""]
        for experiment in commit["experiments"] or []:
            (found, *_) = experiment["revs"]
            scores = _scores(found)
            state = "" if scores or not experiment["executor"] else f" ({experiment['executor']['state']})"
            title = f"{experiment['name'] or found['rev'][:7]}{state}: {_changes(found, commit)}"
            lines += textwrap.wrap(title, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
            lines += [*_table({name: row for name, row in scores.items() if row != before.get(name)}), ""]
    if not any(commit["experiments"] for commit in commits):
        lines.append("no experiments; `dvc exp run -S <parameter>=<value>` makes one")
    return "\n".join(lines).rstrip()


def _files(commit: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the content of each file of ``metrics`` or ``params`` by path, without empty and missing ones."""
    files = (commit["data"] or {}).get(kind) or {}
    return {path: file["data"] for path, file in files.items() if file.get("data")}


def _scores(commit: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return the headlines by model, of those that were trained; none of a commit with other metrics."""
    files = _files(commit, "metrics").items()
    return {PurePosixPath(path).stem: scores for path, scores in files if HEADLINES[0] in scores}


def _table(scores: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return a header and a line for each model; nothing without models."""
    width = max(map(len, scores), default=0)
    rows = [["", *HEADLINES], *([name, *(f"{row[key]:.4f}" for key in HEADLINES)] for name, row in scores.items())]
    return [
        "  ".join(["", name.ljust(width), *(cell.rjust(len(key)) for key, cell in zip(HEADLINES, cells, strict=True))])
        for name, *cells in (rows if scores else [])
    ]


def _changes(experiment: Mapping[str, Any], commit: Mapping[str, Any]) -> str:
    """Return the parameters that differ from the commit, as after ``-S``; or why DVC cannot tell."""
    if experiment["error"]:
        return str(experiment["error"]["msg"])
    before, after = (flatten(_files(each, "params").get("params.yaml", {})) for each in (commit, experiment))
    changed = {key: value for key, value in after.items() if key not in before or value != before[key]}
    values = (f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in changed.items())
    return " ".join(values) or "no parameter changed"
