"""``scenes own`` runs the pipeline on somebody's own pictures, as ``make own DATA=<folder, zip or tar>``.

It says what it found, writes the path and settings that suit the pictures into the profile ``own`` of params.yaml,
switches to it, runs ``dvc repro``, and ends with the scores and what to do next. So plain ``dvc repro``,
``dvc exp run -S`` and everything else go on with these pictures.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenes.commands.argument_types import local_path
from scenes.commands.verify import environment
from scenes.common.errors import InputError
from scenes.config.schema import Profile, check
from scenes.download.local import is_watched
from scenes.download.source import parse_source, parse_sources
from scenes.own import finetune, next_steps, params_file
from scenes.own.estimates import Workload, this_machine
from scenes.own.look import look, options
from scenes.own.own_settings import Settings
from scenes.own.pictures import checked_path

PARAMS = "params.yaml"
PROFILE = "own"
FROZEN, FINETUNED = "frozen", "finetuned"  # its feature sets
WRITTEN = (".dvc", ".git", ".partial", ".resume", "code", "data", "metrics", "models", "plots", "reports")


def main(argv: list[str] | None = None) -> int:
    """Return the exit status: that of ``dvc repro``."""
    parser = argparse.ArgumentParser(
        prog="scenes own", description="Run the pipeline on your own pictures, with settings that suit them."
    )
    parser.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        type=local_path,
        default=os.environ.get("DATA", ""),
        help="a folder, a zip or a tar of labelled pictures (default: $DATA)",
    )
    parser.add_argument("--reset", action="store_true", help="choose the settings anew, also for the same PATH")
    parser.add_argument(
        "--finetune",
        action=argparse.BooleanOptionalAction,
        help="fine-tune the backbone too, or not (default: where there is a GPU)",
    )
    parser.add_argument("--no-run", action="store_true", help="write params.yaml and do not run the pipeline")
    arguments = parser.parse_args(argv)
    if not arguments.path.strip():
        raise InputError("name your pictures, a folder, a zip or a tar, as in `make own DATA=~/pictures/flowers`")
    path = checked_path(arguments.path)
    _refuse_inside(path, Path.cwd())
    _refuse_variable(path)
    source = parse_source(f"file:{path}", "the path")
    own = _profile()
    sources = parse_sources(own.source)
    anew = arguments.reset or sources[0].real != source.real
    if anew and len(sources) > 1 and not arguments.reset:
        raise InputError(
            f"in {PARAMS} the profile {PROFILE} has a list of {len(sources)} sources, and {path} is not the first; set "
            f"`profile: {PROFILE}` and run `dvc repro` for the list, or add `--reset` to replace it by this path"
        )
    # Sources that a person has added after these pictures stay, as does what is watched for one of them.
    watched = check(PARAMS).watch
    added = len(sources) > 1 and not anew
    watch = watched if added and any(is_watched(each, watched) for each in sources) else str(path)
    finetuning = finetune.decide(arguments.finetune, None if anew else own.features[FINETUNED].enabled)
    found = look(path, options(), finetuning)
    print("\n".join(found.summary))
    values: dict[str, Any] = {f"features.{FINETUNED}.enabled": finetuning.enabled}
    if anew:
        values |= {"source": str(source), "title": title(path.name), "archive_bytes": None, "archive_sha256": None}
        values |= found.settings.values()
    print(f"\n{write_params(watch, values, anew=anew)}", flush=True)
    if arguments.no_run:
        return 0
    status = reproduce()
    if status == 0:
        print(f"\n{_next_steps(found.work)}")
    return status


def reproduce() -> int:
    """Run ``dvc repro`` and return its exit status; 130 for Ctrl-C, which the stage reports."""
    # Not subprocess.run, which kills DVC a quarter of a second after Ctrl-C, when it may be writing dvc.lock.
    with subprocess.Popen(["dvc", "repro"], env=environment()) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            return 130


def write_params(watch: str, values: Mapping[str, Any], *, anew: bool) -> str:
    """Switch params.yaml to the profile ``own``, and return what was done, in a sentence.

    Args:
        watch: the path of the pictures, or a folder around them.
        values: of the profile, by their keys in it.
        anew: whether these are all settings; otherwise a person may have changed the others, and they stay.
    """
    keyed = {"profile": PROFILE, "watch": watch} | {f"profiles.{PROFILE}.{key}": each for key, each in values.items()}
    changed = params_file.update(PARAMS, keyed)
    check(PARAMS)
    if not changed:
        return f"{PARAMS}: as before; `python -m scenes own PATH --reset` chooses its settings anew"
    shown = ", ".join(f"{key.removeprefix(f'profiles.{PROFILE}.')}: {_shown(keyed[key])}" for key in changed)
    kept = "" if anew else " (other settings as they were; `--reset` chooses them anew)"
    return f"{PARAMS}: {shown}{kept}; `git diff {PARAMS}` shows it"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _profile() -> Profile:
    """Return the profile as it is, before the pictures are others."""
    own = check(PARAMS).profiles.get(PROFILE)
    if own is None or not {FROZEN, FINETUNED} <= own.features.keys():
        raise InputError(
            f"{PARAMS} has no profile `{PROFILE}` with the feature sets {FROZEN} and {FINETUNED}; restore it, e.g. "
            f"with `git checkout {PARAMS}`"
        )
    return own


def _next_steps(work: Workload) -> str:
    params = check(PARAMS)
    own = params.profiles[PROFILE]
    settings = Settings(
        image_size=own.image_size,
        fit=own.fit,
        cnn_image_size=own.cnn.image_size or own.image_size,
        cnn_epochs=own.cnn.epochs
        or max(model.training.epochs for model in params.models.values() if model.kind == "cnn"),
        backbone_image_size=own.features[FROZEN].image_size,
    )
    models = {name: model.model_dump() for name, model in params.models.items()}
    features = {name: each.model_dump() for name, each in own.features.items()}
    return next_steps.report(Path(), models, features, work, settings, this_machine(params.threads))


def _refuse_inside(path: Path, root: Path) -> None:
    """Raise an InputError for pictures where the pipeline writes, or a folder that holds the checkout."""
    real, checkout = path.resolve(), root.resolve()
    for name in WRITTEN:
        if real.is_relative_to(checkout / name):
            raise InputError(
                f"{path} is in {name}/, where the pipeline writes and `make clean` deletes; move the pictures to a "
                "folder of their own"
            )
    if checkout.is_relative_to(real):
        raise InputError(f"{path} holds the project itself; name the folder of the pictures alone")


def _refuse_variable(path: Path) -> None:
    """Raise an InputError for a path that DVC would rewrite: it replaces ``${...}`` in params.yaml by a parameter."""
    if "${" in str(path):
        raise InputError(f"{path} has ${{ in it, which DVC takes for a variable in {PARAMS}; rename the folder or file")


def title(path: str) -> str:
    """Return a title for the report and the app, from the name of a folder, zip or tar."""
    name = Path(path).name
    for suffix in (".zip", ".gz", ".tgz", ".bz2", ".xz", ".tar"):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    words = " ".join(name.replace("_", " ").replace("-", " ").split())
    return (words[:1].upper() + words[1:]) or "My pictures"
