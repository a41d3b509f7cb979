"""The stage as DVC runs it: everything written, or nothing and one sentence."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scenes.dataset import audit_table
from tests.pictures import pack, sound_files

ROOT = Path(__file__).resolve().parents[2]
OUTPUTS = ["data/audit.csv", "metrics/audit.json", "plots/audit/class_balance.png", "plots/audit/findings.png"]


def run(module: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", module],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def project(tmp_path):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "data/raw").mkdir(parents=True)
    pack(tmp_path / "data/raw/archive.zip", sound_files())
    return tmp_path


def written(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_audit_writes_its_outputs(project):
    before = written(project)
    done = run("stages.audit", project)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr
    assert sorted([*before, *OUTPUTS, "plots/audit/sizes.png"]) == written(project)
    text = (project / "metrics/audit.json").read_text()
    numbers = json.loads(text)
    assert text == json.dumps(numbers, indent=2, sort_keys=True) + "\n"
    assert numbers["images"] == {"train": 8, "test": 6, "pred": 2, "total": 16}
    assert len(audit_table.read(project / "data/audit.csv")) == 16

    first = {name: (project / name).read_bytes() for name in OUTPUTS}
    assert run("stages.audit", project).returncode == 0
    assert {name: (project / name).read_bytes() for name in OUTPUTS} == first


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (None, "data/raw/archive.zip does not exist"),
        ({"seg_train/lake/1.jpg": b"", "seg_test/moor/1.jpg": b""}, "'lake' is in seg_train but not in seg_test"),
        ({"../x": b""}, "climbs out"),
        ({"seg_train/lake/1.jpg": b"x", "seg_test/lake/1.jpg": b"x"}, "no image of the class 'lake' in train"),
    ],
)
def test_a_bad_archive_gives_one_sentence_and_leaves_nothing(project, files, sentence):
    archive = project / "data/raw/archive.zip"
    archive.unlink()
    if files:
        pack(archive, files)
    before = written(project)
    done = run("stages.audit", project)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert written(project) == before


@pytest.mark.parametrize("module", ["stages.audit", "stages.split"])
def test_nothing_heavy_is_imported_before_the_work(module):
    """The times add up on every run of the pipeline, also where nothing is to be done."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sorted(sys.modules))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"tensorflow", "keras", "sklearn", "matplotlib", "seaborn", "scipy", "pandas", "imagehash"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize("module", ["stages.audit", "stages.split"])
def test_tensorflow_and_scikit_learn_are_never_imported(module, project):
    assert run("stages.audit", project).returncode == 0
    script = f"""
import sys, {module}
{module}.main()
assert not {{"tensorflow", "keras", "sklearn"}} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
