"""One experiment as ``dvc exp run --temp`` makes it, and what it leaves.

Not ``--queue``: its workers are no children of the command that was typed. Ctrl-C does not end them, and a task
whose worker was killed stays "running".
"""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
from filelock import FileLock

from scenes.common.errors import InputError
from scenes.config.params import parse_yaml

# Two that start at once want DVC's lock, and one gives up after some seconds: so they start one after another.
LOCK = Path(".dvc/tmp/experiments.lock")
STARTED = "Reproducing experiment"  # what DVC says when its folder is made and the lock is free again


class Failed(InputError):
    """An experiment ended with an error. Its own messages have been shown."""


def run(name: str, target: str, settings: Iterable[str], watch: Callable[[str], bool] = lambda line: True) -> bool:
    """Run an experiment in a folder of its own, and show what it says.

    If this process is killed, the experiment ends when it next says something.

    Args:
        name: by which ``dvc exp show`` lists it.
        target: a stage, run with all that it needs and nothing else.
        settings: ``key=value``, as after ``-S``.
        watch: called with each line of the output; once it says False the experiment is ended.

    Returns:
        Whether it ran to its end.

    Raises:
        Failed: DVC or a stage ended with an error.
    """
    command = ["dvc", "exp", "run", "--temp", "--name", name]
    command += [word for setting in settings for word in ("-S", setting)]
    wanted = True
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCK) as lock:
        process = subprocess.Popen(
            [*command, target],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            for line in process.stdout:
                print(f"{name}: {line}", end="", flush=True)
                if line.startswith(STARTED):
                    lock.release()
                if wanted and not watch(line):
                    wanted = False
                    _end_stage(process.pid)
        except BaseException:
            _end_stage(process.pid)
            raise
        finally:
            process.communicate()  # until it has removed its folder; what it says meanwhile must not fill the pipe
    if wanted and process.returncode:
        raise Failed(f"the experiment {name} failed; what it said stands above")
    return wanted


def _end_stage(dvc: int) -> None:
    """End what a ``dvc`` runs: it then fails, and cleans up behind it."""
    for child in psutil.Process(dvc).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile
            child.terminate()


def revisions() -> dict[str, tuple[str, str]]:
    """Return, per name of an experiment, its commit and the one that it derives from.

    Of several of one name it is the one that derives from HEAD or the nearest commit before it.
    """
    from dvc.repo import Repo

    history = subprocess.run(["git", "rev-list", "HEAD"], check=True, capture_output=True, text=True).stdout.split()
    with Repo() as repo:
        listed = repo.experiments.ls(all_commits=True)
    found = {}
    for baseline in reversed(history):
        found |= {name: (commit, baseline) for name, commit in listed.get(baseline, [])}
    return found


def exists(name: str, params: dict) -> bool:
    """Return whether an experiment of that name and with those parameters derives from HEAD.

    Raises:
        InputError: there is one with other parameters.
    """
    commit, baseline = revisions().get(name, (None, None))
    if baseline is None or baseline != _head():
        return False
    if parse_yaml(read(commit, "params.yaml")) != params:
        raise InputError(
            f"the experiment {name} is there with other parameters (see `dvc params diff {name}`); "
            f"`dvc exp remove {name}` makes room"
        )
    return True


def _head() -> str:
    return subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def read(commit: str, path: str) -> str:
    """Return a file of an experiment, whether git holds it or DVC's cache."""
    import dvc.api

    return dvc.api.read(path, rev=commit)
