"""What it means that two runs of the pipeline differ: a defect, a lock of another commit, or another processor.

Fresh clones that run the pipeline, to compare what comes out.

    make verify                    # or: python -m scenes.commands.verify
    make verify CLONES=2           # or: python -m scenes.commands.verify 2

The first runs the profile in params.yaml in a clone of the last commit, with an empty cache, and says whether that
gives the dvc.lock committed; if not, which stage differs first and what explains it. The second does so in two clones
at once, with different folder names and different settings of everything that must not matter, and compares these too.

Exit status 0: the same. 1: something differs that should not. 2: all that differs comes from stages whose floats
another machine rounds otherwise (``scenes.commands.verify``) and which give the same again here; `make verify` lets that pass.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from scenes.common.errors import InputError, exit_on_input_error
from scenes.provenance import dvc_lock
from tests.code_facts import ROOT

COMMITTED = "the committed dvc.lock"

# The generator uses integers only, and Pillow's codecs are locked: these are the same on any machine.
DATA_STAGES = ("download", "audit", "split", "records")

# Stages whose outputs may hold what another processor rounds otherwise. Every other one, a new one too, must give the
# same bytes from the same inputs wherever it runs: `compare` counts, `select` copies weights, `report` copies figures.
ROUNDED = frozenset(
    [
        "weights",  # random ones are drawn by way of logarithms and cosines
        "finetune",
        "features",
        "composites",  # features of the joined images
        "train",
        "multilabel",
        "label_issues",  # a regression on features
        "evaluate",  # probabilities
        "explain",  # gradients
        "export",  # a converter folds constants, and the metrics say how far apart two roundings are
        "predict",  # probabilities
    ]
)


def exact(stage: str) -> bool:
    """Return whether a stage, such as ``train@baseline``, must give the same bytes on every machine."""
    return stage.partition("@")[0] not in ROUNDED


def unexplained(one: Mapping, other: Mapping) -> list[str]:
    """Return the stages that give other bytes from the same commands, params, code and inputs, in order."""
    return [difference.stage for difference in dvc_lock.differences(one, other) if not difference.causes]


def verdict(one: Mapping, other: Mapping, *, names: tuple[str, str], one_machine: bool) -> tuple[str, int]:
    """Return in words whether two locks are the same, and the exit status.

    Args:
        one, other: as ``scenes.provenance.dvc_lock.read`` gives them.
        names: of the two locks.
        one_machine: whether both were written on one machine, where rounding explains nothing.

    Returns:
        The status is 0 for the same, 2 if only rounding differs, else 1.
    """
    found = dvc_lock.differences(one, other)
    if not found:
        return f"{names[1]} gives what stands in {names[0]}: the same hash of every file of {len(one)} stages", 0
    defects = [each for each in found if not each.causes and exact(each.stage)]
    # What was run otherwise, rather than on other data, which only follows from what came before.
    run_otherwise = [each for each in found if each.causes.keys() - {"inputs"}]
    first = (defects or found)[0]
    lines = [f"{names[1]} differs from {names[0]}, first in {first.stage}"]
    told = [first] + [each for each in run_otherwise[:1] if each is not first]
    lines += [dvc_lock.format_difference(each, names=names, exact=exact(each.stage)) for each in told]
    if run_otherwise and names[0] == COMMITTED:
        lines.append("so the dvc.lock committed is not of this commit; run `dvc repro` and commit what it writes")
    if not any(each.stage in DATA_STAGES for each in found):
        lines.append("the data stages give the same")
    rounding = not (defects or first.causes or run_otherwise)
    if rounding and one_machine:
        lines.append("both ran on this machine: this is a defect")
    if len(found) > 1:
        lines.append(f"{len(found)} stages differ: {', '.join(each.stage for each in found)}")
    return "\n".join(lines), 2 if rounding and not one_machine else 1


def repeated(one: Mapping, other: Mapping, stages: Sequence[str]) -> tuple[str, int]:
    """Return in words whether ``stages`` gave the same in two runs on one machine, and the exit status.

    Args:
        one, other: the locks after the first and after the second run.
        stages: those of which another machine gave other bytes.
    """
    outs = [{name: dvc_lock.files(made[name], "outs") for name in stages} for made in (one, other)]
    changed = ", ".join(name for name in stages if outs[0][name] != outs[1][name])
    if changed:
        return f"a second run here gives yet other bytes ({changed}): not deterministic, which is a defect", 1
    return (
        f"a second run here gives the same bytes ({', '.join(stages)}): deterministic, so only other hardware or "
        "another build of the libraries explains the difference",
        2,
    )


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


def alone(folder: Path) -> Path:
    """See to it that nothing in a clone comes out of a cache, shared or of earlier runs; return ``folder``.

    Without its dvc.lock DVC runs all stages, those too whose outputs are in git.
    """
    place = ["dvc", "cache", "dir", "--quiet", "--local", ".dvc/cache"]
    subprocess.run(place, cwd=folder, env=environment(), check=True)
    (folder / "dvc.lock").unlink()
    return folder


def complete(runs: list[subprocess.Popen], folders: list[Path]) -> list[dict]:
    """Wait for ``dvc repro`` in each of ``folders``; return their locks.

    Raises:
        InputError: one of them fails.
    """
    try:
        for run, folder in zip(runs, folders, strict=True):
            finish(run, folder, timeout=24 * 3600)
    except AssertionError as error:
        raise InputError(str(error)) from None
    finally:
        for run in runs:
            run.kill()
    return [dvc_lock.read(folder / "dvc.lock") for folder in folders]


def main(count: int) -> int:
    """Verify the last commit in one or two clones; return the exit status."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as parent:  # a stage may outlive a `dvc` that is ended
        folders = [clone(Path(parent) / name) for name in ("one", "another-clone-with-a-longer-name")[:count]]
        if not (folders[0] / "dvc.lock").exists():
            raise InputError("the last commit has no dvc.lock to verify; run `dvc repro` and commit it")
        committed = dvc_lock.read(folders[0] / "dvc.lock")
        if subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True).stdout:
            print("what is not committed is not verified")
        logs = " and ".join(str(folder.with_suffix(".log")) for folder in folders)
        print(
            f"running the pipeline as committed in {'a fresh clone' if count == 1 else 'two fresh clones'}; see {logs}",
            flush=True,
        )
        surroundings = SURROUNDINGS if count == 2 else ({},)
        runs = [reproduce(alone(folder), **changes) for folder, changes in zip(folders, surroundings, strict=True)]
        made = complete(runs, folders)
        said, status = verdict(committed, made[0], names=(COMMITTED, "the clone"), one_machine=False)
        print(said, flush=True)
        if count == 2:
            said, second = verdict(*made, names=("the first clone", "the second clone"), one_machine=True)
            print(said)
            status = second or status
        if status == 2:  # another processor, or a stage that never gives the same twice?
            stages = unexplained(committed, made[0])
            if count == 1:
                print(f"running again what differs: {', '.join(stages)}", flush=True)
                made += complete([reproduce(folders[0], "--single-item", "--force", *stages)], folders)
            said, status = repeated(*made, stages)
            print(said)
    return status


if __name__ == "__main__":
    with exit_on_input_error():
        if sys.argv[1:] not in ([], ["1"], ["2"]):
            raise InputError("give the number of clones, 1 or 2")
        raise SystemExit(main(int(*sys.argv[1:] or ["1"])))
