"""Fresh clones that run the pipeline, to compare what comes out.

    make verify       # or: python -m tests.clones

runs it twice on the profile in params.yaml, in two clones of the last commit at once, with different folder names
and different settings of everything that must not matter, and says which stage differs first, if any.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from tests.code_facts import ROOT

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
    """Return the first stage, in the order of dvc.lock, whose outputs differ between two clones, or None."""
    locks = [yaml.safe_load((folder / "dvc.lock").read_text())["stages"] for folder in (one, other)]
    for stage in locks[0]:
        if locks[0][stage].get("outs") != locks[1].get(stage, {}).get("outs"):
            return stage
    return None if (one / "dvc.lock").read_bytes() == (other / "dvc.lock").read_bytes() else "the order of dvc.lock"


def main() -> None:
    with tempfile.TemporaryDirectory() as parent:
        folders = [clone(Path(parent) / name) for name in ("one", "another-clone-with-a-longer-name")]
        print("running the pipeline in two fresh clones", flush=True)
        runs = [reproduce(folder, **changes) for folder, changes in zip(folders, SURROUNDINGS, strict=True)]
        for run, folder in zip(runs, folders, strict=True):
            finish(run, folder, timeout=3600)
        different = first_difference(*folders)
        if different:
            raise SystemExit(f"the clones differ, first in {different}")
        print("both clones give the same dvc.lock")
        committed = ROOT / "dvc.lock"
        if committed.exists():
            different = first_difference(ROOT, folders[0])
            print(f"the committed dvc.lock {'is the same' if different is None else f'differs, first in {different}'}")


if __name__ == "__main__":
    main()
