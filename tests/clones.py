"""Fresh clones that run the pipeline, to compare what comes out.

    make verify                    # or: python -m tests.clones
    make verify CLONES=2           # or: python -m tests.clones 2

The first runs the profile in params.yaml in a clone of the last commit, with an empty cache, and says whether that
gives the dvc.lock committed; if not, which stage differs first and what explains it. The second does so in two clones
at once, with different folder names and different settings of everything that must not matter, and compares these too.

Exit status 0: the same. 1: something differs that should not. 2: only what the floating point of another machine may
explain differs, which `make verify` lets pass.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scenes import lock
from scenes.errors import InputError, one_sentence
from tests.code_facts import ROOT

# The generator uses integers only, and Pillow's codecs are locked: these are the same on any machine.
DATA_STAGES = ("download", "audit", "split", "records")
COMMITTED = "the committed dvc.lock"

# What differs between the two: nothing of it may change a result.
SURROUNDINGS = (
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


def environment(**changes: str) -> dict[str, str]:
    """The environment of a person who has activated this one's virtual environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "true", **changes}


def clone(folder: Path, *, working_tree: bool = False) -> Path:
    """Clone the last commit into ``folder``; with ``working_tree`` lay what is not yet committed over it."""
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    if working_tree:
        listed = ["git", "ls-files", "-z", "--modified", "--others", "--deleted", "--exclude-standard"]
        for name in filter(None, subprocess.run(listed, cwd=ROOT, capture_output=True, text=True).stdout.split("\0")):
            (folder / name).unlink(missing_ok=True)
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / name)
    return folder


def reproduce(folder: Path, *targets: str, **changes: str) -> subprocess.Popen:
    """Start ``dvc repro`` in ``folder``; its output goes to repro.log beside it."""
    with folder.with_suffix(".log").open("w") as log:
        return subprocess.Popen(
            ["dvc", "repro", *targets], cwd=folder, env=environment(**changes), stdout=log, stderr=subprocess.STDOUT
        )


def finish(process: subprocess.Popen, folder: Path, timeout: float) -> None:
    """Wait for it; raise with the end of its output if it fails, and end it if it takes longer than ``timeout`` s."""
    try:
        status = process.wait(timeout)
    finally:
        process.kill()
    if status:
        raise AssertionError(f"dvc repro ended with {status}:\n" + folder.with_suffix(".log").read_text()[-5000:])


def first_difference(one: Path, other: Path) -> str | None:
    """Return the first stage, in the order of the pipeline, that differs between two clones, or None."""
    found = lock.differences(*(lock.read(folder / "dvc.lock") for folder in (one, other)))
    if found:
        return found[0].stage
    return None if (one / "dvc.lock").read_bytes() == (other / "dvc.lock").read_bytes() else "the order of dvc.lock"


def verdict(one: dict, other: dict, *, names: tuple[str, str], one_machine: bool) -> tuple[str, int]:
    """Return in words whether two locks, as ``scenes.lock.read`` gives them, are the same, and the exit status.

    Args:
        one_machine: whether both were written on one machine, where rounding explains nothing.
    """
    found = sorted(lock.differences(one, other), key=lambda difference: difference.stage not in DATA_STAGES)
    if not found:
        return f"{names[1]} gives what stands in {names[0]}: the same hash of every file of {len(one)} stages", 0
    first = found[0]
    exact = first.stage in DATA_STAGES
    # What was run otherwise, rather than on other data, which only follows from what came before.
    run_otherwise = [difference for difference in found if difference.causes.keys() - {"inputs"}]
    lines = [f"{names[1]} differs from {names[0]}, first in {first.stage}"]
    told = [first] + [each for each in run_otherwise[:1] if each is not first]
    lines += [lock.sentence(each, names=names, exact=exact) for each in told]
    if run_otherwise and names[0] == COMMITTED:
        lines.append("so the dvc.lock committed is not of this commit; run `dvc repro` and commit what it writes")
    if not exact:
        lines.append("the data stages give the same")
    rounding = not (exact or first.causes or run_otherwise)
    if rounding and one_machine:
        lines.append("both ran on this machine: this is a defect")
    if len(found) > 1:
        lines.append(f"{len(found)} stages differ: {', '.join(each.stage for each in found)}")
    return "\n".join(lines), 2 if rounding and not one_machine else 1


def alone(folder: Path) -> Path:
    """See to it that nothing in a clone comes out of a cache, shared or of earlier runs; return ``folder``.

    Without its dvc.lock DVC runs all stages, those too whose outputs are in git.
    """
    place = ["dvc", "cache", "dir", "--quiet", "--local", ".dvc/cache"]
    subprocess.run(place, cwd=folder, env=environment(), check=True)
    (folder / "dvc.lock").unlink()
    return folder


def main(count: int) -> int:
    """Verify the last commit in one or two clones; return the exit status."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as parent:  # a stage may outlive a `dvc` that is ended
        folders = [clone(Path(parent) / name) for name in ("one", "another-clone-with-a-longer-name")[:count]]
        if not (folders[0] / "dvc.lock").exists():
            raise InputError("the last commit has no dvc.lock to verify; run `dvc repro` and commit it")
        committed = lock.read(folders[0] / "dvc.lock")
        if subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True).stdout:
            print("what is not committed is not verified")
        logs = " and ".join(str(folder.with_suffix(".log")) for folder in folders)
        print(
            f"running the pipeline as committed in {'a fresh clone' if count == 1 else 'two fresh clones'}; see {logs}",
            flush=True,
        )
        surroundings = SURROUNDINGS if count == 2 else ({},)
        runs = [reproduce(alone(folder), **changes) for folder, changes in zip(folders, surroundings, strict=True)]
        try:
            for run, folder in zip(runs, folders, strict=True):
                finish(run, folder, timeout=24 * 3600)
        except AssertionError as error:
            raise InputError(str(error)) from None
        finally:
            for run in runs:
                run.kill()
        made = [lock.read(folder / "dvc.lock") for folder in folders]
    verdicts = [verdict(committed, made[0], names=(COMMITTED, "the clone"), one_machine=False)]
    if count == 2:
        verdicts.append(verdict(*made, names=("the first clone", "the second clone"), one_machine=True))
    print("\n".join(said for said, _ in verdicts))
    return max((status for _, status in verdicts), key=(0, 2, 1).index)


if __name__ == "__main__":
    with one_sentence():
        if sys.argv[1:] not in ([], ["1"], ["2"]):
            raise InputError("give the number of clones, 1 or 2")
        raise SystemExit(main(int(*sys.argv[1:] or ["1"])))
