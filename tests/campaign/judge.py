"""What is wrong after a fault: each function returns sentences, none where all is well."""

import re
import time
from pathlib import Path

from scenes.provenance import dvc_lock
from tests.campaign.faults import files_of
from tests.helpers import dvc_cli
from tests.helpers.killed import Run


def output(text: str, status: int) -> list[str]:
    """Judge what a command said: no traceback, and one sentence if it failed."""
    if found := re.search(r"Traceback \(most recent call last\).*?^(\w\S*)", text, re.DOTALL | re.MULTILINE):
        return [f"a traceback, of {found[1]}"]
    if status and not re.search(r"^error: ", text, re.MULTILINE | re.IGNORECASE):
        return [f"exit status {status} and no sentence"]
    return []


def result(folder: Path, finished: Path) -> list[str]:
    """Compare a pipeline that has run again with the finished one."""
    wrong = lock(folder, finished) + outputs(folder, finished) + cache(folder, finished) + leftovers(folder)
    return wrong or status(folder)


def lock(folder: Path, finished: Path) -> list[str]:
    """Compare dvc.lock."""
    locks = [dvc_lock.read(place / "dvc.lock") for place in (finished, folder)]
    names = ("the finished run", "this one")
    return [
        dvc_lock.format_difference(difference, names=names, exact=True) for difference in dvc_lock.differences(*locks)
    ]


def outputs(folder: Path, finished: Path, stages: list[str] | None = None) -> list[str]:
    """Compare the bytes of the outputs, of some stages or of all."""
    lock = dvc_lock.read(finished / "dvc.lock")
    outs = [
        out for name, stage in lock.items() if stages is None or name in stages for out in dvc_lock.files(stage, "outs")
    ]
    return [f"other bytes in {out}" for out in outs if content(folder / out) != content(finished / out)]


def content(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in files_of(out)}


def cache(folder: Path, finished: Path) -> list[str]:
    """Check that DVC's cache still has all objects of the finished run, whole."""
    objects = ".dvc/cache/files"
    whole, found = content(finished / objects), content(folder / objects)
    return [f"{objects}/{name} is missing or damaged" for name in whole if whole[name] != found.get(name)]


def leftovers(folder: Path) -> list[str]:
    """Find temporary files, and DVC's own that a kill may leave empty."""
    found = [f"{path.relative_to(folder)} is left" for path in folder.rglob(".tmp-*")]
    rwlock = folder / ".dvc/tmp/rwlock"
    return [*found, ".dvc/tmp/rwlock is left empty"] if rwlock.exists() and not rwlock.stat().st_size else found


def status(folder: Path) -> list[str]:
    """Ask DVC whether the pipeline is up to date."""
    said = dvc_cli.run(folder, "status").text.strip()
    return [] if said == "Data and pipelines are up to date." else [f"dvc status says {said!r}"]


def orphans(runs: list[Run], seconds: float = 10) -> list[str]:
    """Find processes that outlive their command, after some time to end."""
    deadline = time.monotonic() + seconds
    while (left := [process for run in runs for process in run.alive()]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [f"process {process.pid} outlives its command: {' '.join(process.cmdline())}" for process in left]
