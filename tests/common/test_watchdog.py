"""A stage does not outlive the `dvc` that runs it: real processes, a real SIGKILL, and a shell in between."""

import ast
import os
import subprocess
import sys
import time

import psutil
import pytest

from tests.code_facts import ROOT

# Runs its argument as dvc runs a command.
FAKE_DVC = """
import os, subprocess, sys
stage = sys.argv[1].replace("MY_ID", str(os.getpid()))
sys.exit(subprocess.Popen(stage, shell=True, env={**os.environ, "DVC_STAGE": "train"}).wait())
"""
# Says its id and is then watched as a stage is.
STAGE = """
import os, sys, time
from pathlib import Path
from scenes.common.watchdog import exit_with_dvc
folder = Path(sys.argv[1])
(folder / "tmp").write_text(str(os.getpid()))
(folder / "tmp").rename(folder / "pid")
while len(sys.argv) > 3 and os.path.exists(f"/proc/{sys.argv[3]}"):  # as if still importing
    time.sleep(0.02)
found = exit_with_dvc()
(folder / "watched").write_text(str(found.pid if found else None))
time.sleep(float(sys.argv[2]))
(folder / "finished").touch()
"""
LONG, SHORT = 60, 1.2  # seconds: long is ended by the test; in short, the watch looks more than once


@pytest.fixture
def start(tmp_path):
    """Start the fake; afterwards end whatever is left of it, by id."""
    processes = []

    def started(seconds, *, name="dvc", module=False, importing=""):
        for folder in ("bin", "stage"):
            (tmp_path / folder).mkdir()
        script = tmp_path / "bin" / name
        script.write_text(FAKE_DVC)
        (tmp_path / "stage.py").write_text(STAGE)
        if module:
            script.rename(script.with_suffix(".py"))
        # `; exit $?` keeps the shell: for a single command it would put that into its own place.
        stage = f"{sys.executable} {tmp_path}/stage.py {tmp_path}/stage {seconds} {importing}; exit $?"
        process = subprocess.Popen(
            [sys.executable, *(["-m", name] if module else [str(script)]), stage],
            cwd=tmp_path / "bin",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=(tmp_path / "stderr").open("w"),
        )
        processes.append(process)
        pid = int(waited_for(tmp_path / "stage" / "pid"))
        processes.append(psutil.Process(pid))
        return process, processes[-1]

    yield started
    for process in processes:
        if isinstance(process, subprocess.Popen) or process.is_running():
            process.kill()
        process.wait(10)
        if isinstance(process, subprocess.Popen):
            process.stdout.close()


def waited_for(path, seconds=20):
    deadline = time.monotonic() + seconds
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.02)
    return path.read_text()


def ends(process: psutil.Process, seconds=5) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "a zombie"])
@pytest.mark.parametrize("module", [False, True], ids=["dvc", "python -m dvc"])
def test_a_stage_ends_soon_after_its_dvc_was_killed(tmp_path, start, reaped, module):
    dvc, stage = start(LONG, module=module)
    assert int(waited_for(tmp_path / "stage" / "watched")) == dvc.pid
    assert stage.ppid() != dvc.pid, "there should be a shell in between"
    assert not ends(stage, 1.2)  # as long as dvc lives, it goes on
    dvc.kill()
    if reaped:
        dvc.wait()
    assert ends(stage)
    assert "the dvc that started this is gone" in (tmp_path / "stderr").read_text()
    assert not (tmp_path / "stage" / "finished").exists()


def test_a_stage_whose_dvc_was_killed_while_it_was_importing_ends(tmp_path, start):
    dvc, stage = start(LONG, importing="MY_ID")
    assert not (tmp_path / "stage" / "watched").exists()
    dvc.kill()
    dvc.wait()
    assert ends(stage)
    assert "the dvc that started this is gone" in (tmp_path / "stderr").read_text()
    assert not (tmp_path / "stage" / "watched").exists()


def test_a_program_that_uses_dvc_as_a_library_counts_as_one(tmp_path, start):
    """It is not called dvc, so it is not watched; but it is alive, and so is the stage."""
    _, stage = start(SHORT, name="notebook")
    assert waited_for(tmp_path / "stage" / "watched") == "None"
    assert ends(stage, 20)
    assert (tmp_path / "stage" / "finished").exists()


@pytest.mark.parametrize("stage", ["finetune", "train_cnn", "train_head"])
def test_a_stage_that_trains_is_watched_from_its_first_line(stage):
    """It is seconds until TensorFlow is imported, and a stage whose dvc is gone by then finds none to watch."""
    tree = ast.parse((ROOT / "stages" / f"{stage}.py").read_text())
    main = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    assert ast.unparse(main.body[0]) == "exit_with_dvc()"


def test_what_ends_by_itself_ends_as_ever(tmp_path, start):
    dvc, stage = start(SHORT)
    assert dvc.wait(20) == 0
    assert ends(stage)
    assert (tmp_path / "stage" / "finished").exists()
    assert (tmp_path / "stderr").read_text() == ""


def test_a_stage_run_by_hand_is_left_alone(tmp_path, start):
    parent, stage = start(SHORT, name="not-dvc")
    assert waited_for(tmp_path / "stage" / "watched") == "None"
    parent.kill()
    parent.wait()
    assert ends(stage, 20)
    assert (tmp_path / "stage" / "finished").exists()
