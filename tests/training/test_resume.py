"""Killing a training at any moment and going on: the same bytes; and whose state is used and kept."""

import json
import os
import signal
import subprocess
import sys

import pytest

from scenes.training.run import resumable
from tests.code_facts import ROOT
from tests.helpers.interrupted import CASES
from tests.helpers.small_records import write


@pytest.fixture(scope="module")
def trained(tmp_path_factory, deterministic):
    """A folder in which every case has been trained whole, and killed and gone on with; two at a time."""
    root = tmp_path_factory.mktemp("resume")
    write(root / "records")
    names = list(CASES)
    runs = []
    for share in (names[::2], names[1::2]):
        command = [sys.executable, "-m", "tests.helpers.interrupted", str(root), *share]
        runs.append(subprocess.Popen(command, cwd=ROOT, start_new_session=True))
    try:
        for run in runs:
            assert run.wait(240) == 0
    finally:
        for run in runs:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)  # itself and the training that it has forked
                run.wait()
    return root


@pytest.mark.process
@pytest.mark.parametrize("case", CASES)
def test_a_killed_training_goes_on_and_ends_in_the_same_bytes(trained, case):
    _, _, kills, goes_on = CASES[case]
    folder = trained / case
    logs = [(folder / "killed" / f"{number}.log").read_text() for number in range(len(kills) + 1)]
    statuses = json.loads((folder / "statuses.json").read_text())
    assert statuses == [0, *[-signal.SIGKILL] * len(kills), 0], "\n".join(logs)[-3000:]
    for log, epoch in zip(logs, [None, *goes_on], strict=True):
        assert (f"resuming after epoch {epoch} of" in log) if epoch else ("resuming" not in log), log
    for name in ("model.weights.h5", "result.json"):
        whole, killed = ((folder / way / name).read_bytes() for way in ("whole", "killed"))
        assert whole == killed, name
    assert not list((folder / "killed" / ".resume").rglob("*.npz"))


@pytest.mark.process
def test_the_cases_show_what_they_are_for(trained):
    results = {case: json.loads((trained / case / "whole" / "result.json").read_text()) for case in CASES}
    for case, result in results.items():
        assert len(result["history"]["loss"]) == (4 if "early" in case or "cnn" in case else 6)
    scale = results["dense in float16, gradients of four batches a step"]["scale"]
    assert scale not in (None, 2.0**10), "the scale of the loss has not moved"


@pytest.fixture
def light(tmp_path, monkeypatch):
    """A folder of its own, and fingerprints that ask TensorFlow for nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("scenes.training.state_key.gpu_names", list)
    (tmp_path / "data").write_text("1")
    return tmp_path


def interrupt(name="a", *, settings=1, content=b"state"):
    """Leave a state behind, as a training that fails does; return its path."""
    with pytest.raises(KeyboardInterrupt), resumable(name, inputs=["data"], settings={"x": settings}, code="") as state:
        state.write_bytes(content)
        raise KeyboardInterrupt
    return state.absolute()


def finished(name="a", *, settings=1):
    """Enter and end well; return what was found at the beginning."""
    with resumable(name, inputs=["data"], settings={"x": settings}, code="") as state:
        return state.read_bytes() if state.exists() else None


def test_the_state_stays_when_the_training_fails_and_goes_when_it_is_done(light):
    state = interrupt()
    assert state.read_bytes() == b"state"
    assert interrupt(content=b"later") == state
    assert finished() == b"later"
    assert finished() is None
    assert not state.parent.exists()


def test_a_state_of_other_settings_is_not_used_nor_touched_before_the_end(light):
    foreign = interrupt(settings=1)
    with resumable("a", inputs=["data"], settings={"x": 2}, code="") as state:
        assert not state.exists()
        assert state.absolute() != foreign
        assert foreign.read_bytes() == b"state"
    assert not foreign.exists()  # the settings that were finished are those wanted now


def test_a_state_of_other_settings_outlives_a_failure_of_these(light):
    first = interrupt(settings=1)
    assert interrupt(settings=2, content=b"other") != first
    assert finished(settings=1) == b"state"


def test_a_state_of_other_data_is_not_used(light):
    interrupt()
    (light / "data").write_text("2")
    assert finished() is None


def test_other_names_have_states_of_their_own(light):
    other = interrupt("b")
    with resumable("a", inputs=["data"], settings={}, code=""), resumable("c", inputs=["data"], settings={}, code=""):
        pass
    assert other.read_bytes() == b"state"
