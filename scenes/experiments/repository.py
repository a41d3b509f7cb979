"""Whether DVC can keep an experiment that runs in a folder of its own: said before hours of training are lost."""

import subprocess
from pathlib import Path

from scenes.common.errors import InputError
from scenes.common.words import show


def check() -> None:
    """Refuse a repository in which ``dvc exp run --temp`` or ``--queue`` fails late or loses its result.

    Raises:
        InputError: there is no repository or commit, the clone is shallow, or DVC cannot copy its settings.
    """
    try:
        found = subprocess.run(["git", "rev-parse", "--git-dir"], capture_output=True, text=True)
    except FileNotFoundError:
        raise InputError("an experiment is a commit, and git is not installed; install it") from None
    if found.returncode:
        reason = " ".join(found.stderr.split())
        raise InputError(
            f"an experiment is a commit, and git finds no repository here ({reason}); `git clone` the project"
        )
    if not _git("rev-parse", "--verify", "--quiet", "HEAD"):
        raise InputError("an experiment derives from a commit, and this repository has none; run `git commit` first")
    if _git("rev-parse", "--is-shallow-repository") == "true":
        raise InputError(
            "this clone is shallow, and DVC would lose the result of an experiment; run `git fetch --unshallow` first"
        )
    from dvc.repo import Repo

    with Repo() as repo:
        cache = str(repo.cache.local_cache_dir)
        # DVC copies both into the folder of the experiment, as ASCII.
        copied = Path(repo.root_dir, ".dvc/config.local"), Path(repo.scm.root_dir, ".git/config")
    if not cache.isascii():
        raise InputError(
            f"the path of DVC's cache, {cache}, has characters that are not ASCII, with which DVC cannot start an "
            "experiment; move the project, or the cache with `dvc cache dir --local <path>`"
        )
    for file in copied:
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        if line := next((line for line in text.splitlines() if not line.isascii()), None):
            key = line.partition("=")[0].strip()  # the value may be an address with a password
            raise InputError(
                f"{file} has characters that are not ASCII, at {show(key)}, with which DVC cannot start an experiment; "
                "set a name by `git config --global`, and rename a folder or branch"
            )


def head() -> str:
    """Return the commit that an experiment would derive from."""
    return _git("rev-parse", "--verify", "HEAD")


def has_experiment(name: str, baseline: str) -> bool:
    """Return whether there is an experiment ``name`` that derives from the commit ``baseline``."""
    from dvc.repo.experiments.refs import ExpRefInfo

    return bool(_git("rev-parse", "--verify", "--quiet", str(ExpRefInfo(baseline, name))))


def _git(*arguments: str) -> str:
    """Return what ``git`` prints, or '' if it fails."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True).stdout.strip()
