"""Experiments of a project as small as can be, by the real DVC: started at once, ended early, abandoned."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scenes.commands import verify
from scenes.common.errors import InputError
from scenes.experiments import runs, trainings
from tests.helpers import dvc_cli, git

# Says what scenes/training/callbacks.py says, for as long as it is told.
SLOW = """
import sys, time
from pathlib import Path
for epoch in range(1, int(sys.argv[1]) + 1):
    print(f"epoch {epoch}/99  accuracy 0.5 (val 0.5)  crossentropy 1 (val 9)  calibrated {1 / epoch:.4f}  rate 0")
    time.sleep(0.1)
Path("score.json").write_text(f'{{"epochs": {epoch}}}')
"""
DVC_YAML = """
stages:
  train:
    foreach: [m]
    do:
      cmd: python slow.py ${epochs}
      params: [epochs]
      metrics: [score.json: {cache: false}]
  evaluate:
    foreach: [m]
    do:
      cmd: python slow.py 1
      deps: [score.json]
"""

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """A repository with the project in its one commit."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in (("slow.py", SLOW), ("params.yaml", "epochs: 3\n"), ("dvc.yaml", DVC_YAML)):
        (folder / name).write_text(text)
    git.init(folder)
    dvc_cli.succeed(folder, "init --quiet")
    git.commit(folder)
    return folder


@pytest.fixture
def project(committed, tmp_path, monkeypatch):
    """A copy of it, in which the test is."""
    folder = shutil.copytree(committed, tmp_path / "project", symlinks=True)
    monkeypatch.chdir(folder)
    for name, value in verify.environment().items():
        monkeypatch.setenv(name, value)
    return folder


def left_over(project) -> list[Path]:
    """Folders of experiments that are not removed."""
    return [path for path in project.glob(".dvc/tmp/exps/standalone/*") if path.name.startswith("tmp")]


def test_several_started_at_once_all_run_and_are_found_by_name(project):
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda n: runs.run(f"e{n}", "train@m", [f"epochs={n}"]), (1, 4)))
    found = runs.revisions()
    assert found.keys() == {"e1", "e4"}
    for name, (commit, baseline) in found.items():
        assert runs.read(commit, "score.json") == f'{{"epochs": {name[1:]}}}'
        assert baseline == subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    assert runs.exists("e1", {"epochs": 1})
    assert not runs.exists("e3", {"epochs": 1})
    with pytest.raises(InputError, match="dvc exp remove e1"):
        runs.exists("e1", {"epochs": 2})
    assert left_over(project) == []


def test_one_that_fails_says_so_and_leaves_nothing(project, capfd):
    with pytest.raises(runs.Failed, match="the experiment bad failed"):
        runs.run("bad", "train@m", ["epochs=0"])
    assert "bad: NameError" in capfd.readouterr().out
    assert runs.revisions() == {}
    assert left_over(project) == []


def test_one_that_dvc_does_not_keep_is_an_error(project, tmp_path, monkeypatch):
    """As in a shallow clone, where DVC itself ends with status 0."""
    (project / "later").touch()
    git.commit(project)
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", project.as_uri(), tmp_path / "shallow"], check=True)
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(runs.Failed, match="the experiment lost ended well, but DVC did not keep it"):
        runs.run("lost", "train@m", ["epochs=1"])


def test_one_that_is_not_worth_it_is_ended(project):
    seen = []

    def watch(epoch, crossentropy):
        seen.append((epoch, crossentropy))
        return epoch < 3

    with pytest.raises(trainings.Stopped):
        trainings.by_experiment("long", "m", ["epochs=600"], watch)
    assert seen[:3] == [(1, 1.0), (2, 0.5), (3, 0.3333)]
    assert len(seen) < 20
    assert runs.revisions() == {}
    assert left_over(project) == []


def test_one_whose_watch_fails_is_ended_as_well(project):
    def watch(line):
        if "epoch 3/" in line:
            raise OSError("the study's file is gone")
        return True

    begin = time.monotonic()
    with pytest.raises(OSError, match="the study's file is gone"):
        runs.run("long", "train@m", ["epochs=600"], watch)
    assert time.monotonic() - begin < 50  # of the 60 s that it would take
    assert runs.revisions() == {}
    assert left_over(project) == []


def test_one_whose_caller_is_killed_ends_soon(project):
    code = "from scenes.experiments import runs; runs.run('long', 'train@m', ['epochs=600'])"
    root = Path(runs.__file__).parents[2]
    caller = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.PIPE, text=True
    )
    for line in caller.stdout:
        if "epoch 2/" in line:
            break
    else:
        raise AssertionError("it ended before its second epoch")
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    deadline = time.monotonic() + 30
    while left_over(project):
        assert time.monotonic() < deadline, "it runs on"
        time.sleep(0.1)
    assert runs.revisions() == {}
