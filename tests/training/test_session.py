"""What a training goes on from: a state of the same surroundings, or none."""

import pytest

from scenes.common.errors import InputError
from scenes.training import run

USUAL = {"settings": {"epochs": 3}, "code": "0" * 64, "seed": 1, "threads": 2, "precision": "float32", "xla": False}


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A function from what differs from ``USUAL`` to the state's file; and what was set up."""
    monkeypatch.chdir(tmp_path)
    made = []
    # TensorFlow can be set up only once in a process.
    monkeypatch.setattr(run, "configure", lambda **given: made.append(given))
    monkeypatch.setattr(run, "set_precision", lambda precision: made.append(precision) or precision)

    def enter(**other):
        with run.training_run("a", inputs=[], **USUAL | other) as path:
            return path

    enter.made = made
    return enter


def test_the_surroundings_are_set_up_as_asked(state):
    state(seed=5, precision="mixed_bfloat16", xla=True)
    assert state.made == [{"seed": 5, "threads": 2, "xla": True, "backend": "tensorflow"}, "mixed_bfloat16"]


def test_the_log_names_the_device_once(state, monkeypatch, capsys):
    monkeypatch.setattr(run, "device", lambda threads: f"CPU, {threads} threads")
    state(threads=3, precision="mixed_bfloat16")
    assert capsys.readouterr().out == "a: on CPU, 3 threads, in mixed_bfloat16\n"


@pytest.mark.parametrize(
    "other",
    [
        {"settings": {"epochs": 4}},
        {"code": "1" * 64},
        {"seed": 2},
        {"threads": 1},
        {"precision": "mixed_bfloat16"},
        {"xla": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_each_of_them_keeps_states_apart(state, other):
    assert state() == state()
    assert state(**other) != state()


def test_processes_with_other_inputs_do_not_train_together(state, monkeypatch):
    compared = []
    monkeypatch.setattr(run.several_devices, "is_same", lambda key, devices: compared.append(key))
    with pytest.raises(InputError, match="the processes have other data"):
        state()
    assert len(compared) == 1
