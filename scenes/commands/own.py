"""``scenes own`` runs the pipeline on somebody's own pictures, as ``make own DATA=<folder, zip or tar>``.

It says what it found, writes the path and settings that suit the pictures into the profile ``own`` of params.yaml,
switches to it, runs ``dvc repro``, and ends with the scores and what to do next. So plain ``dvc repro``,
``dvc exp run -S`` and everything else go on with these pictures.
"""

import argparse
import os
import subprocess
from pathlib import Path

from scenes.commands import next_steps, params_file
from scenes.commands.estimates import Workload, this_machine
from scenes.commands.look import look, options
from scenes.commands.own_settings import Settings
from scenes.commands.pictures import checked_path
from scenes.commands.verify import environment
from scenes.common.errors import InputError
from scenes.config.schema import check
from scenes.download.source import parse_source

PARAMS = "params.yaml"
PROFILE = "own"
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
        default=os.environ.get("DATA", ""),
        help="a folder, a zip or a tar of labelled pictures (default: $DATA)",
    )
    parser.add_argument("--reset", action="store_true", help="choose the settings anew, also for the same PATH")
    parser.add_argument("--no-run", action="store_true", help="write params.yaml and do not run the pipeline")
    arguments = parser.parse_args(argv)
    if not arguments.path.strip():
        raise InputError("name your pictures, a folder, a zip or a tar, as in `make own DATA=~/pictures/flowers`")
    path = checked_path(arguments.path)
    _refuse_inside(path, Path.cwd())
    _refuse_variable(path)
    source = parse_source(f"file:{path}", f"the path {str(path)!a}")
    found = look(path, options())
    print("\n".join(found.summary))
    print(f"\n{write_params(str(path), str(source), found.settings, reset=arguments.reset)}", flush=True)
    if arguments.no_run:
        return 0
    status = subprocess.run(["dvc", "repro"], env=environment()).returncode
    if status == 0:
        print(f"\n{_next_steps(found.work)}")
    return status


def write_params(path: str, source: str, settings: Settings, *, reset: bool) -> str:
    """Switch params.yaml to the profile ``own`` on other pictures, and return what was done, in a sentence.

    Settings that suit the pictures are written when ``path`` is new or with ``reset``; otherwise a person may have
    changed them since.
    """
    own = check(PARAMS).profiles.get(PROFILE)
    if own is None:
        raise InputError(f"{PARAMS} has no profile `{PROFILE}`; restore it, e.g. with `git checkout {PARAMS}`")
    values: dict[str, int | str | None] = {"profile": PROFILE, "watch": path}
    anew = own.source != source or reset
    if anew:
        block = {"source": source, "title": title(path), "archive_bytes": None, "archive_sha256": None}
        values |= {f"profiles.{PROFILE}.{key}": value for key, value in (block | settings.values()).items()}
    changed = params_file.update(PARAMS, values)
    check(PARAMS)
    if not changed:
        return f"{PARAMS}: as before; `python -m scenes own PATH --reset` chooses its settings anew"
    shown = ", ".join(f"{key.removeprefix(f'profiles.{PROFILE}.')}: {values[key]}" for key in changed)
    kept = "" if anew else " (settings as they were; `--reset` chooses them anew)"
    return f"{PARAMS}: {shown}{kept}; `git diff {PARAMS}` shows it"


def _next_steps(work: Workload) -> str:
    params = check(PARAMS)
    own = params.profiles[PROFILE]
    settings = Settings(
        image_size=own.image_size,
        fit=own.fit,
        cnn_image_size=own.cnn.image_size or own.image_size,
        cnn_epochs=own.cnn.epochs or max(model.training.epochs for model in params.models.values()),
        head_epochs=own.head.epochs or 0,
        backbone_image_size=own.backbone_image_size,
    )
    return next_steps.report(
        Path(),
        {name: model.kind for name, model in params.models.items()},
        work,
        settings,
        this_machine(params.threads),
        finetuned=own.finetune.epochs > 0,
    )


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
