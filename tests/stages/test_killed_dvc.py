"""A real dvc is killed in a stage, and the next one starts at once: the orphan neither writes nor is read."""

import shutil
import sys
import time

import psutil
import pytest
import yaml

from scenes.provenance.code import fingerprints, text
from tests.code_facts import ROOT
from tests.helpers import dvc_cli, git
from tests.helpers.killed import Run

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

# Writes who it is, slowly; a second stage reads that.
STAGE = """
import os, sys, time
from scenes.common.files import atomic_dir, atomic_write
from stages import checked_stage

def main():
    print("in", os.getpid(), flush=True)
    with atomic_dir("data/folder") as folder, atomic_write("data/file") as file:
        for number in range(20):
            (folder / str(number)).write_text(str(os.getpid()))
            time.sleep(0.05)
        file.write_text(str(os.getpid()))

if __name__ == "__main__":
    with checked_stage("slow"):
        main()
"""
STAGES = {"slow": {"cmd": f"{sys.executable} -m stages.slow", "outs": ["data/folder", "data/file"]}}


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "stages").mkdir(parents=True)
    git.init(folder)
    shutil.copytree(ROOT / "scenes", folder / "scenes", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("stages/__init__.py", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "stages/slow.py").write_text(STAGE)
    (folder / "code").mkdir()
    (folder / "code/slow.txt").write_text(text(fingerprints("stages.slow", folder)))
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    dvc_cli.succeed(folder, "init --quiet")
    return folder


def test_the_next_run_starts_at_once_and_gets_its_own_files(project):
    first = Run(project, "dvc", "repro")
    first.wait_for(r"in \d+")
    orphan = first.stage()
    time.sleep(0.3)
    assert (project / "data/.tmp-folder").exists()
    first.process.kill()
    second = Run(project, "dvc", "repro", log=project.with_suffix(".second"))
    first.process.wait()
    second.end(0)
    assert not psutil.pid_exists(orphan.pid) or orphan.status() == psutil.STATUS_ZOMBIE
    assert "the dvc that started this is gone; stopping here" in first.text()
    writers = {path.read_text() for path in [project / "data/file", *(project / "data/folder").iterdir()]}
    assert len(writers) == 1 and writers != {str(orphan.pid)}
    assert sorted(path.name for path in (project / "data").iterdir()) == ["file", "folder"]


def test_a_program_that_runs_dvc_as_a_library_is_watched_too(project):
    library = [sys.executable, "-c", "from dvc.repo import Repo; Repo().reproduce()"]
    Run(project, *library).end(0)
    (project / "data/file").write_text("changed")
    run = Run(project, *library)
    run.wait_for(r"in \d+")
    stage = run.stage()
    run.process.kill()
    stage.wait(10)
    assert "the dvc that started this is gone" in run.text()
