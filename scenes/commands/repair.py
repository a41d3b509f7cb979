"""``scenes repair``: mend what a ``dvc`` that was killed may leave, and at which every later ``dvc`` would stop.

DVC empties dvc.lock and .dvc/tmp/rwlock before it writes them, and makes a folder in its run cache before it writes
the file in it. Killed in between, it leaves them empty or cut short.
All sub-commands that use DVC begin with this; before a plain `dvc repro`, run `python -m scenes repair`.
"""

import argparse
import json
import subprocess
from pathlib import Path

from scenes.common.errors import InputError
from scenes.common.files import atomic_write
from scenes.process.watchdog import dvc_in

LOCK = Path("dvc.lock")
RWLOCK = Path(".dvc/tmp/rwlock")  # which files the running dvc commands read and write
RUNS = Path(".dvc/cache/runs")  # a cache elsewhere may be shared, and somebody's dvc may have just made the folder
_LEFT = "was empty or cut short, as a killed dvc leaves it"


def main(argv: list[str] | None = None) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        prog="scenes repair", description="Mend dvc.lock and the files in .dvc that a killed dvc has left empty or cut."
    )
    parser.parse_args(argv)
    repair()
    return 0


def repair() -> None:
    """Remove a broken .dvc/tmp/rwlock and empty entries of the run cache, and put a broken dvc.lock back from git.

    Each is said in a line.

    The broken dvc.lock goes to .dvc/tmp. If git has none, DVC writes another, from the run cache. A whole file stays as
    it is, and so does a dvc.lock with the marks of a merge conflict.

    Raises:
        InputError: one is broken, and a ``dvc`` runs in this folder.
    """
    if not _broken():
        return
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo, repo.lock:  # a dvc that writes either holds it; it may have been writing above
            broken = _broken()
            if broken and (running := dvc_in(Path())):
                raise InputError(
                    f"{broken[0]} is empty or cut short, and a dvc runs here (process {running[0]}); wait for it or "
                    "end it, then run this again"
                )
            for path in broken:
                _mend_lock() if path == LOCK else _remove(path)
    except DvcException as error:  # most likely that another dvc holds the lock
        raise InputError(f"this folder can't be mended: {' '.join(str(error).split())}") from None


def _broken() -> list[Path]:
    """Return which of the files are there and not whole, and which entries of the run cache have no file."""
    checks = ((RWLOCK, _is_json), (LOCK, _is_lock))
    files = [path for path, is_sound in checks if path.is_file() and not is_sound(path.read_bytes())]
    return [*files, *(path for path in RUNS.glob("*/*") if path.is_dir() and not any(path.iterdir()))]


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def _is_lock(content: bytes) -> bool:
    """Return whether a dvc.lock is whole, or has the marks of a merge conflict, which people resolve.

    DVC can read some that are cut short: those that end between two stages are harmless, as what is missing is run
    again. Of one that ends in the size of a stage's last output, it would never write the rest.
    """
    if b"\n<<<<<<< " in b"\n" + content:
        return True
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import ParseError, parse_yaml
    from voluptuous import Invalid

    try:
        stages = COMPILED_LOCKFILE_SCHEMA(parse_yaml(content.decode(), LOCK)).get("stages")
    except (UnicodeDecodeError, ParseError, Invalid):
        return False
    outs = list(stages.values())[-1].get("outs") if stages else None
    expected = {"size", "nfiles"} if outs and (outs[-1].get("md5") or "").endswith(".dir") else {"size"}
    # A remote with versions of its own has `files` instead.
    return content.endswith(b"\n") and (not outs or "files" in outs[-1] or expected <= outs[-1].keys())


def _remove(path: Path) -> None:
    path.rmdir() if path.is_dir() else path.unlink()
    print(f"mended: {path} {_LEFT}; removed", flush=True)


def _mend_lock() -> None:
    aside = RWLOCK.with_name(LOCK.name)
    LOCK.replace(aside)
    for revision in ("", "HEAD"):  # the index first: it has what was added and not yet committed
        content = _in_git(revision)
        if _is_lock(content):
            with atomic_write(LOCK) as file:
                file.write_bytes(content)
            print(f"mended: {LOCK} {_LEFT}; put back from git, and the run cache has what was run since", flush=True)
            return
    print(f"mended: {LOCK} {_LEFT}; moved to {aside}, as git has none, and the run cache has the results", flush=True)


def _in_git(revision: str) -> bytes:
    """Return the dvc.lock of a commit, or of the index for '', or nothing."""
    try:
        return subprocess.run(["git", "show", f"{revision}:./{LOCK}"], capture_output=True).stdout
    except FileNotFoundError:  # DVC also works without git
        return b""
