"""``scenes provenance``: show what made a model, from archive to scores, and whether the files agree.

The chain of stages comes from dvc.lock, the rest from provenance.json in the model's folder. Both are compared with the
files in the workspace.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

from scenes.common.archives import by_archive
from scenes.common.errors import InputError
from scenes.provenance import dvc_lock, lineage, record

LOCK = "dvc.lock"
SHOWN = 6  # differences of one stage


def main(argv: list[str] | None = None) -> int:
    """Return the exit status: 1 if a file disagrees with dvc.lock or provenance.json."""
    parser = argparse.ArgumentParser(
        prog="scenes provenance",
        description="Show what made a model, from archive to scores. The exit status is 1 if dvc.lock, provenance.json "
        "and the files in the workspace disagree.",
    )
    parser.add_argument(
        "model", metavar="MODEL", help="a folder in models/, such as `baseline`, `production`, `export`"
    )
    model = parser.parse_args(argv).model
    stages = dvc_lock.read(LOCK)
    folder, scores = Path("models") / model, Path(scores_of(model))
    maker, scorer = stages_of(stages, model)
    description = record.read(folder)
    print(f"{lineage.format_chain(stages, maker, scorer)}\n")
    print(f"{lineage.format_record(description, (folder / record.NAME).as_posix())}\n")

    changed = lineage.changed(Path(), scorer)
    missing = {
        path
        for states in changed.values()
        for path, state in states.items()
        if state == "deleted" and dvc_lock.written(stages, path)
    }
    problems = [
        f"differs from dvc.lock: {stage}: {_format_states(states)}"
        for stage, entries in changed.items()
        if (states := {path: state for path, state in entries.items() if path not in missing})
    ]
    code = [path for path in dvc_lock.files(stages[maker], "deps") if path.startswith("code/")]
    hashed = by_archive("data/raw", description["archive_sha256"])
    hashed |= dict.fromkeys(code, description["code_sha256"]) | {"data/split.csv": description["split_sha256"]}
    problems += [
        f"differs from {(folder / record.NAME).as_posix()}: {path}"
        for path in lineage.contradicted(Path(), description, hashed)
    ]
    if scores.is_file():
        print(f"{lineage.format_scores(scores)}\n")
    if missing:
        print(f"missing, so not compared: {', '.join(sorted(missing))}")
    print("\n".join(problems) or "all files in the workspace agree with dvc.lock and provenance.json")
    return 1 if problems else 0


def stages_of(stages: Mapping[str, Mapping], model: str) -> tuple[str, str]:
    """Return the names of the stages that write ``models/<model>`` and its scores.

    Args:
        model: a folder in models/, such as ``baseline`` or ``export``.

    Raises:
        InputError: no stage in the lock writes them.
    """
    makers = {out: name for name, stage in stages.items() for out in dvc_lock.files(stage, "outs")}
    folders = [out.removeprefix("models/") for out in makers if out.startswith("models/")]
    models = [name for name in sorted(folders) if scores_of(name) in makers]
    if model not in models:
        raise InputError(f"dvc.lock has no model {model!r}; it has {', '.join(models) or 'none, run `dvc repro`'}")
    return makers[f"models/{model}"], makers[scores_of(model)]


def scores_of(model: str) -> str:
    """Return the path of a model's scores."""
    return f"data/scores/{model}.json"


def _format_states(states: Mapping[str, str]) -> str:
    listed = [f"{path} ({state})" for path, state in states.items()]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return f"{', '.join(listed[:SHOWN])}{more}"
