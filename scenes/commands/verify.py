"""``scenes verify``: run the last commit's pipeline in fresh clones, and compare the result with its dvc.lock.

    make verify                    # or: python -m scenes verify
    make verify CLONES=2           # or: python -m scenes verify 2

The first runs the profile in params.yaml in a clone with an empty cache. If that does not give the committed dvc.lock,
it says which stage differs first and what explains it. The second runs two clones at once, with different names of
folders and different settings of everything that must not matter, and compares these too.

Exit status 0: the same. 1: a difference that should not be. 2: only stages differ whose floats another machine may
round differently (``scenes.provenance.verdict``), and a second run here gives the same again. `make verify` accepts 2.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from scenes.common.errors import InputError
from scenes.executors import reuse
from scenes.provenance import dvc_lock
from scenes.provenance.verdict import COMMITTED, unexplained, verdict, verdict_of_second_run

FOLDERS = ("one", "another-clone-with-a-longer-name")
# Environment variables that differ between two clones; none of them may change a result.
ENVIRONMENTS = (
    {
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "PYTHONHASHSEED": "1",
        "TZ": "UTC",
    },
    {
        "OMP_NUM_THREADS": "4",
        "TF_NUM_INTRAOP_THREADS": "3",
        "TF_NUM_INTEROP_THREADS": "4",
        "PYTHONHASHSEED": "2",
        "TZ": "Asia/Tokyo",
    },
)
TIMEOUT = 24 * 3600  # seconds


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # Not exit status 2, as argparse would: here that means that only rounding differs.
        raise InputError(f"{message}; `scenes verify --help` shows the arguments")


def main(argv: list[str] | None = None) -> int:
    """Return the exit status: 0 for the same, 2 if only rounding differs, else 1.

    Raises:
        InputError: wrong arguments; or see :func:`clone` and :func:`compare`.
    """
    parser = _Parser(
        prog="scenes verify",
        description="Run the last commit's pipeline in fresh clones and compare the result with its dvc.lock.",
        epilog="Exit status: 0 if all is the same, 2 if only floats differ that another processor may round "
        "differently, 1 for any other difference.",
    )
    parser.add_argument(
        "clones",
        nargs="?",
        type=int,
        choices=(1, 2),
        default=1,
        help="with 2, two clones are also compared with each other (default: %(default)s)",
    )
    count = parser.parse_args(argv).clones
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as parent:  # a stage may outlive a `dvc` that is ended
        folders = [clone(Path.cwd(), Path(parent) / name) for name in FOLDERS[:count]]
        return compare(folders)


def compare(folders: list[Path]) -> int:
    """Run the pipeline in one or two clones, print how the results compare, and return the exit status.

    Raises:
        InputError: the commit has no dvc.lock, or a run of the pipeline fails.
    """
    if not (folders[0] / "dvc.lock").exists():
        raise InputError("the last commit has no dvc.lock to verify; run `dvc repro` and commit it")
    committed = dvc_lock.read(folders[0] / "dvc.lock")
    if subprocess.run(["git", "status", "--porcelain", "."], check=True, capture_output=True).stdout:
        print("changes that are not committed are not verified")
    alone = len(folders) == 1
    logs = " and ".join(str(folder.with_suffix(".log")) for folder in folders)
    clones = "a fresh clone" if alone else "two fresh clones"
    print(f"running the pipeline as committed in {clones}; see {logs}", flush=True)
    environments = ({},) if alone else ENVIRONMENTS
    runs = [reproduce(isolate(folder), **changes) for folder, changes in zip(folders, environments, strict=True)]
    locks = wait_for_locks(runs, folders)

    text, status = verdict(committed, locks[0], names=(COMMITTED, "the clone"), one_machine=False)
    print(text, flush=True)
    if not alone:
        text, second_status = verdict(*locks, names=("the first clone", "the second clone"), one_machine=True)
        print(text)
        status = second_status or status
    if status == 2:  # another processor, or a stage that never gives the same twice?
        stages = unexplained(committed, locks[0])
        if alone:
            print(f"running again what differs: {', '.join(stages)}", flush=True)
            options = "--single-item", "--force", *stages
            locks += wait_for_locks([reproduce(folders[0], *options, **{reuse.VARIABLE: "1"})], folders)
        text, status = verdict_of_second_run(locks[0], locks[1], stages)
        print(text)
    return status


def environment(**changes: str) -> dict[str, str]:
    """Return the environment variables of a person who has activated this process's virtual environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "true", **changes}


def clone(project: Path, folder: Path) -> Path:
    """Clone the last commit of the repository that holds ``project`` into ``folder``.

    Returns:
        The project in the clone: ``folder``, or a folder in it if the project is a folder of its repository.

    Raises:
        InputError: the project is in no git repository, or not committed.
    """
    command = ["git", "rev-parse", "--show-toplevel", "--show-prefix"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    if done.returncode:
        reason = " ".join(done.stderr.split())
        raise InputError(
            f"git finds no repository, so no commit to verify, in {project} ({reason}); `git clone` the project"
        )
    repository, prefix = done.stdout.split("\n")[:2]
    subprocess.run(["git", "clone", "--quiet", repository, folder], check=True)
    if not (folder / prefix / "dvc.yaml").exists():
        raise InputError(f"the last commit of {repository} does not hold {prefix}dvc.yaml; commit the project first")
    return folder / prefix


def isolate(folder: Path) -> Path:
    """Make sure that nothing in a clone comes from a cache, shared or of earlier runs; return ``folder``.

    Without its dvc.lock DVC runs all stages, also those whose outputs are in git.
    """
    command = ["dvc", "cache", "dir", "--quiet", "--local", ".dvc/cache"]
    subprocess.run(command, cwd=folder, env=environment(), check=True)
    (folder / "dvc.lock").unlink()
    return folder


def reproduce(folder: Path, *targets: str, **changes: str) -> subprocess.Popen:
    """Start ``dvc repro`` in ``folder``; its output goes to a log beside the folder.

    Args:
        targets: further arguments of the command.
        changes: environment variables.
    """
    with folder.with_suffix(".log").open("w") as log:
        return subprocess.Popen(
            ["dvc", "repro", *targets], cwd=folder, env=environment(**changes), stdout=log, stderr=subprocess.STDOUT
        )


def finish(process: subprocess.Popen, folder: Path, timeout: float) -> None:
    """Wait for a process that :func:`reproduce` started; kill it after ``timeout`` seconds.

    Raises:
        InputError: it failed. The message has the end of its log.
        subprocess.TimeoutExpired: it took too long.
    """
    try:
        status = process.wait(timeout)
    finally:
        process.kill()
    if status:
        log = folder.with_suffix(".log").read_text(encoding="utf-8")
        raise InputError(f"`dvc repro` in {folder} failed with exit status {status}:\n{log[-5000:]}")


def wait_for_locks(runs: list[subprocess.Popen], folders: list[Path]) -> list[dict[str, dict]]:
    """Wait for ``dvc repro`` in each of ``folders``; return their locks, see :func:`scenes.provenance.dvc_lock.read`.

    Raises:
        InputError: one of them failed.
    """
    try:
        for run, folder in zip(runs, folders, strict=True):
            finish(run, folder, timeout=TIMEOUT)
    finally:
        for run in runs:
            run.kill()
    return [dvc_lock.read(folder / "dvc.lock") for folder in folders]
