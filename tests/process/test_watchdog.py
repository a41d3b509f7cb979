"""A stage does not outlive the `dvc` that runs it: which ancestors count, and real processes killed with SIGKILL."""

import ctypes
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from types import SimpleNamespace

import psutil
import pytest

from scenes.process import watchdog
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
from scenes.process.watchdog import exit_with_dvc
folder = Path(sys.argv[1])
(folder / "tmp").write_text(str(os.getpid()))
(folder / "tmp").rename(folder / "pid")
while len(sys.argv) > 3 and os.path.exists(f"/proc/{sys.argv[3]}"):  # as if still importing
    time.sleep(0.02)
dvc = exit_with_dvc()
(folder / "watched").write_text(str(dvc.pid if dvc else None))
time.sleep(float(sys.argv[2]))
(folder / "finished").touch()
"""
LONG, SHORT = 60, 1.2  # seconds: long is ended by the test; in short, the watch looks more than once


class Process:
    """A process of which psutil tells what ``state`` says: a status, or that there is no such process."""

    def __init__(self, state=psutil.STATUS_SLEEPING, *, pid_reused=False, pid=0):
        self.state, self.pid_reused, self.pid = state, pid_reused, pid

    def is_running(self):
        return not self.pid_reused

    def status(self):
        if self.state is None:
            raise psutil.NoSuchProcess(1)
        return self.state


def partition(ancestor: str) -> tuple[str, str, str]:
    return ancestor.partition(": ") if ": " in ancestor else ("", "", ancestor)


@pytest.mark.parametrize(
    ("ancestors", "by_dvc", "outcome"),
    [
        (["bash", "dvc repro", "bash"], True, "watches 1"),
        (["sh", "python3.11 dvc repro"], True, "watches 1"),  # as the system lists a script
        (["python -m dvc repro", "bash"], True, "watches 0"),
        (["sh", "dvc exp run", "python3 -m dvc queue"], True, "watches 1"),  # the nearest
        (["bash", "dvc repro"], False, "goes on"),  # no stage of it
        (["bash", "systemd"], True, "ends"),  # its dvc was killed while it was importing
        (["sh", "python notebook.py"], True, "ends"),  # adopted, e.g. by the first process of a container
        (["sh", "python notebook.py", "7: python notebook.py"], True, "watches 2"),  # runs dvc as a library
        (["bash", "systemd"], False, "goes on"),  # run by hand
        (["bash", "python3 train.py"], False, "goes on"),
        ([], False, "goes on"),
    ],
)
def test_which_ancestor_is_watched(ancestors, by_dvc, outcome, monkeypatch, tmp_path):
    processes = [(Process(pid=int(pid or 0)), command.split()) for pid, _, command in map(partition, ancestors)]
    outcomes = []
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/tmp/rwlock").write_text(json.dumps({"write": {"data/x": {"pid": 7, "cmd": "?"}}, "read": {}}))
    monkeypatch.setattr(watchdog, "_ancestors", lambda: processes)
    monkeypatch.setattr(watchdog, "_watch", lambda process: None)
    monkeypatch.setattr(watchdog, "_end", lambda: outcomes.append("ends"))
    monkeypatch.delenv("DVC_STAGE", raising=False)
    if by_dvc:
        monkeypatch.setenv("DVC_STAGE", "train")
    watched = watchdog.exit_with_dvc()
    if watched is not None:
        outcomes.append(f"watches {[process for process, _ in processes].index(watched)}")
    assert (outcomes or ["goes on"]) == [outcome]


def test_the_ancestors_of_this_process_are_read_nearest_first():
    processes, commands = zip(*watchdog._ancestors(), strict=True)
    assert processes[0].pid == os.getppid()
    assert all(1 <= len(words) <= 4 for words in commands if words)
    assert not any("/" in word for words in commands for word in words)


@pytest.mark.parametrize(
    ("process", "alive"),
    [
        (Process(), True),
        (Process(psutil.STATUS_ZOMBIE), False),  # killed, and nobody has asked for its status
        (Process(None), False),
        (Process(pid_reused=True), False),
    ],
)
def test_when_it_is_gone_the_stage_ends(process, alive, monkeypatch):
    ended = []
    monkeypatch.setattr(watchdog, "_end", lambda: ended.append(True))
    # A process that is alive is looked at again, and is gone by then.
    monkeypatch.setattr(watchdog, "time", SimpleNamespace(sleep=lambda seconds: setattr(process, "state", None)))
    assert watchdog._is_alive(process) == alive
    watchdog._watch(process)
    assert ended == [True]


@pytest.fixture
def start(tmp_path):
    """Start the fake; afterwards end whatever is left of it, by id."""
    processes = []

    def started(seconds, *, module=False, importing=""):
        for folder in ("bin", "stage"):
            (tmp_path / folder).mkdir()
        script = tmp_path / "bin" / ("dvc.py" if module else "dvc")
        script.write_text(FAKE_DVC)
        (tmp_path / "stage.py").write_text(STAGE)
        # `; exit $?` keeps the shell: for a single command it would put that into its own place.
        stage = f"{sys.executable} {tmp_path}/stage.py {tmp_path}/stage {seconds} {importing}; exit $?"
        with (tmp_path / "stderr").open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, *(["-m", "dvc"] if module else [str(script)]), stage],
                cwd=tmp_path / "bin",
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stderr=stderr,
            )
        processes.append(process)
        pid = int(waited_for(tmp_path / "stage" / "pid"))
        processes.append(psutil.Process(pid))
        return process, processes[-1]

    yield started
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
        process.wait(10)


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


@pytest.mark.process
@pytest.mark.parametrize(("module", "reaped"), [(False, True), (True, False)], ids=["dvc", "python -m dvc, a zombie"])
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


@pytest.mark.process
def test_a_stage_whose_dvc_was_killed_while_it_imported_ends(tmp_path, start):
    dvc, stage = start(LONG, importing="MY_ID")
    assert not (tmp_path / "stage" / "watched").exists()
    dvc.kill()
    dvc.wait()
    assert ends(stage)
    assert "the dvc that started this is gone" in (tmp_path / "stderr").read_text()
    assert not (tmp_path / "stage" / "watched").exists()


@pytest.mark.process
def test_an_orphan_that_a_python_program_adopts_ends(tmp_path, start):
    """As in a container whose first process is one."""
    prctl, set_child_subreaper = ctypes.CDLL(None).prctl, 36
    prctl(set_child_subreaper, 1)
    try:
        dvc, stage = start(LONG, importing="MY_ID")
        dvc.kill()
        dvc.wait()
        assert psutil.Process(stage.ppid()).ppid() == os.getpid()  # of the shell in between
        assert ends(stage)
    finally:
        prctl(set_child_subreaper, 0)


@pytest.mark.process
def test_what_ends_by_itself_ends_as_ever(tmp_path, start):
    dvc, stage = start(SHORT)
    assert dvc.wait(20) == 0
    assert ends(stage)
    assert (tmp_path / "stage" / "finished").exists()
    assert (tmp_path / "stderr").read_text() == ""
