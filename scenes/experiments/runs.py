"""One experiment, run by ``dvc exp run --temp``, and what it leaves.

``--queue`` is not used: its workers are not children of the command that was typed. Ctrl-C does not end them, and a
task whose worker was killed stays "running".
"""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, cast

import psutil
from filelock import FileLock

from scenes.common.errors import InputError
from scenes.config.params import parse_yaml
from scenes.experiments import repository

# Experiments start one after another: each needs DVC's lock, and gives up after some seconds without it.
LOCK = Path(".dvc/tmp/experiments.lock")
STARTED = "Reproducing experiment"  # DVC prints it when its folder is made and its lock is free again


class Failed(InputError):
    """An experiment ended with an error. Its own messages have been shown."""


def run(name: str, target: str, settings: Iterable[str], watch: Callable[[str], bool] = lambda line: True) -> bool:
    """Run an experiment in a folder of its own, and show its output.

    If this process is killed, the experiment ends when it next prints something.

    Args:
        name: its name in ``dvc exp show``.
        target: a stage, run with all that it needs and nothing else.
        settings: ``key=value``, as after ``-S``.
        watch: called with each line of output; if it returns False, the experiment is ended.

    Returns:
        Whether it ran to its end.

    Raises:
        Failed: DVC or a stage ended with an error, or DVC kept no experiment.
    """
    command = ["dvc", "exp", "run", "--temp", "--name", name]
    command += [word for setting in settings for word in ("-S", setting)]
    ended_early = False
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCK) as lock:
        baseline = repository.head()  # now, because somebody may commit before the experiment ends
        process = subprocess.Popen(
            [*command, target],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            for line in cast(IO[str], process.stdout):  # a pipe, see above
                print(f"{name}: {line}", end="", flush=True)
                if line.startswith(STARTED):
                    lock.release()
                if not ended_early and not watch(line):
                    ended_early = True
                    _end_stage(process.pid)
        except BaseException:
            _end_stage(process.pid)
            raise
        finally:
            process.communicate()  # until it has removed its folder; its output must not fill the pipe meanwhile
    if process.returncode and not ended_early:
        raise Failed(f"the experiment {name} failed; see its output above")
    if not ended_early and not repository.has_experiment(name, baseline):
        raise Failed(f"the experiment {name} ended well, but DVC did not keep it; see its output above")
    return not ended_early


def _end_stage(dvc: int) -> None:
    """End the processes that a ``dvc`` runs. It then fails, and removes its folder."""
    for child in psutil.Process(dvc).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile
            child.terminate()


def revisions() -> dict[str, tuple[str, str]]:
    """Return, by the name of an experiment, its commit and the commit that it derives from.

    If several have the same name, it is the one that derives from HEAD or from the nearest commit before it.
    """
    from dvc.repo import Repo

    history = subprocess.run(["git", "rev-list", "HEAD"], check=True, capture_output=True, text=True).stdout.split()
    with Repo() as repo:
        listed = repo.experiments.ls(all_commits=True)
    result: dict[str, tuple[str, str]] = {}
    for baseline in reversed(history):
        result |= {name: (commit, baseline) for name, commit in listed.get(baseline, [])}
    return result


def exists(name: str, params: dict[str, Any]) -> bool:
    """Return whether an experiment with that name and those parameters derives from HEAD.

    Raises:
        InputError: there is one with other parameters.
    """
    revision = revisions().get(name)
    if revision is None or revision[1] != repository.head():
        return False
    if parse_yaml(read(revision[0], "params.yaml")) != params:
        raise InputError(
            f"the experiment {name} exists with other parameters (see `dvc params diff {name}`); "
            f"remove it with `dvc exp remove {name}`"
        )
    return True


def read(commit: str, path: str) -> str:
    """Return a file of an experiment, from git or from DVC's cache."""
    import dvc.api

    return dvc.api.read(path, rev=commit)
