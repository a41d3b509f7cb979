"""Who trains with whom, by the variables of Keras' launcher and of Slurm."""

import pytest

from scenes.common.errors import InputError
from scenes.process.distributed import Processes, from_environment

KERAS = {
    "KERAS_BACKEND": "jax",
    "KERAS_DISTRIBUTION_JOB_ADDRESSES": "10.0.0.1:1234",
    "KERAS_DISTRIBUTION_NUM_PROCESSES": "4",
    "KERAS_DISTRIBUTION_PROCESS_ID": "3",
}
SLURM = {"KERAS_BACKEND": "jax", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in {**KERAS, **SLURM}:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, Processes()),
        (KERAS, Processes(4, 3, "10.0.0.1:1234")),
        (KERAS | {"KERAS_DISTRIBUTION_JOB_ADDRESSES": "a:1,b:2,c:3,d:4"}, Processes(4, 3, "a:1")),
        (KERAS | SLURM, Processes(4, 3, "10.0.0.1:1234")),
        (SLURM, Processes(2, 1)),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, Processes()),
        ({"KERAS_BACKEND": "jax", "SLURM_NTASKS": "2", "SLURM_PROCID": "0"}, Processes()),  # the batch script
        (SLURM | {"KERAS_BACKEND": "tensorflow"}, Processes()),
    ],
)
def test_a_process_knows_its_number(monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert from_environment() == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"KERAS_DISTRIBUTION_PROCESS_ID": None}, "a number of its own"),
        ({"KERAS_DISTRIBUTION_PROCESS_ID": "4"}, "a number of its own"),
        ({"KERAS_DISTRIBUTION_NUM_PROCESSES": "four"}, "the number of processes"),
        ({"KERAS_DISTRIBUTION_JOB_ADDRESSES": None}, "host:port"),
        ({"KERAS_DISTRIBUTION_JOB_ADDRESSES": "10.0.0.1"}, "host:port"),
        ({"KERAS_BACKEND": None}, "KERAS_BACKEND is tensorflow"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch, changes, message):
    for name, value in (KERAS | changes).items():
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=message):
        from_environment()
