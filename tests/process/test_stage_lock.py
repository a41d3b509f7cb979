"""A stage waits for another process that runs it, and starts without what killed ones left."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from scenes.common.errors import InputError
from scenes.process import stage_lock as module
from scenes.process.stage_lock import running_stage, stage_lock
from tests.code_facts import ROOT

HOLD = """
import sys, time
from scenes.process.stage_lock import stage_lock
with stage_lock(sys.argv[1]):
    print("holds", flush=True)
    time.sleep(60)
"""
LEFTOVERS = ("data/.tmp-audit.csv", "plots/.tmp-audit/sizes.png", "plots/baseline/.tmp-scores/.tmp-a.png")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (*LEFTOVERS, "data/audit.csv", "plots/.keep", "own/.tmp-a"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return tmp_path


@pytest.fixture
def hold(folder):
    """Start a process that holds the lock of a stage; it is ended by id."""
    processes = []

    def started(name):
        command = [sys.executable, "-c", HOLD, name]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout.readline() == b"holds\n"
        Path(LEFTOVERS[0]).touch()  # by the stage that runs there
        return process

    yield started
    for process in processes:
        process.kill()
        process.communicate()


def test_a_stage_starts_without_leftovers_and_touches_nothing_else(folder):
    with stage_lock("audit"):
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == [".resume/audit.lock", ".resume/stages.lock", "data/audit.csv", "own/.tmp-a", "plots/.keep"]


@pytest.mark.parametrize("name", ["evaluate@a/b", "evaluate@../../etc"])
def test_a_name_that_is_a_path_locks_in_the_folder_of_locks(name, folder):
    with stage_lock(name):
        assert len(list(Path(".resume").iterdir())) == 2


@pytest.mark.process
def test_the_lock_of_a_killed_process_is_free_as_soon_as_it_is_gone(hold, capsys):
    holder = hold("audit")
    threading.Timer(0.3, holder.kill).start()
    with stage_lock("audit"):
        assert not Path(LEFTOVERS[0]).exists()
    assert capsys.readouterr().err == "waiting for another process, which is running audit\n"


@pytest.mark.process
def test_a_second_one_waits_and_then_says_in_a_sentence_what_to_do(hold, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    hold("audit")
    sentence = r"another process is running audit here; wait for it, or end it \(it holds \.resume/audit\.lock\)"
    with pytest.raises(InputError, match=sentence), stage_lock("audit"):
        pass
    assert Path(LEFTOVERS[0]).exists()


@pytest.mark.process
def test_another_stage_runs_beside_it_and_leaves_its_temporary_files(hold, monkeypatch):
    monkeypatch.setattr(module, "_ORPHANS_END", 0.3)
    hold("train_cnn@baseline")
    with stage_lock("train_cnn@other"):
        assert Path(LEFTOVERS[0]).exists()


@pytest.mark.process
def test_an_orphan_of_another_stage_is_waited_for(hold):
    orphan = hold("audit")
    threading.Timer(0.3, orphan.kill).start()
    began = time.monotonic()
    with stage_lock("records"):
        assert 0.2 < time.monotonic() - began < 1
        assert not Path(LEFTOVERS[0]).exists()


def test_processes_that_train_one_model_together_do_not_wait_for_each_other(folder, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0)
    monkeypatch.setattr(module, "_ORPHANS_END", 0)
    monkeypatch.setattr(sys, "argv", ["stage", "baseline"])
    with running_stage("train"):
        with pytest.raises(SystemExit), running_stage("train"):
            pytest.fail("two processes run the same stage")
        for name, value in (("JOB_ADDRESSES", "127.0.0.1:1"), ("NUM_PROCESSES", "2"), ("PROCESS_ID", "1")):
            monkeypatch.setenv(f"KERAS_DISTRIBUTION_{name}", value)
        monkeypatch.setenv("KERAS_BACKEND", "jax")
        with running_stage("train"):
            assert (folder / ".resume/train@baseline@process-1.lock").exists()
