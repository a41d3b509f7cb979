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
SLURM = {
    "KERAS_BACKEND": "jax",
    "SLURM_JOB_ID": "4097",
    "SLURM_PROCID": "1",
    "SLURM_STEP_NODELIST": "localhost",
    "SLURM_STEP_NUM_TASKS": "2",
}


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
        (KERAS | {"KERAS_DISTRIBUTION_JOB_ADDRESSES": "[fe80::1]:65535"}, Processes(4, 3, "[fe80::1]:65535")),
        (SLURM, Processes(2, 1, "localhost:61441")),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, Processes()),
        ({"KERAS_BACKEND": "jax", "SLURM_NTASKS": "2", "SLURM_PROCID": "0"}, Processes()),  # the batch script
        (SLURM | {"KERAS_BACKEND": "tensorflow"}, Processes()),
    ],
)
def test_a_process_knows_its_number(monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert from_environment() == expected


@pytest.mark.parametrize("nodes", ["a1", "a1,b2", "node[001-016],b", "node[001,007-015],b", "n-[3,5]", "gpu-2,n[1-2]"])
def test_slurm_names_the_host_and_the_port_that_jax_would_take(monkeypatch, nodes):
    from jax._src.clusters.slurm_cluster import SlurmCluster

    for name, value in (SLURM | {"SLURM_JOB_ID": "123456", "SLURM_STEP_NODELIST": nodes}).items():
        monkeypatch.setenv(name, value)
    assert from_environment().address == SlurmCluster.get_coordinator_address(None, None)


def test_an_address_has_a_host_and_a_port():
    assert Processes(2, 0, "[fe80::1]:65535").endpoint == ("fe80::1", 65535)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"KERAS_DISTRIBUTION_PROCESS_ID": None}, "a number of its own"),
        ({"KERAS_DISTRIBUTION_PROCESS_ID": "4"}, "a number of its own"),
        ({"KERAS_DISTRIBUTION_NUM_PROCESSES": "four"}, "the number of processes"),
        ({"KERAS_DISTRIBUTION_JOB_ADDRESSES": None}, "host:port"),
        ({"KERAS_DISTRIBUTION_JOB_ADDRESSES": "10.0.0.1"}, "host:port"),
        *(
            ({"KERAS_DISTRIBUTION_JOB_ADDRESSES": address}, "host:port")
            for address in ("", ":1234", "a:", "a:x", "a:0", "a:65536", "a:99999", "a:\u0661", "http://a:1", "::1:5")
        ),
        ({"KERAS_BACKEND": None}, "KERAS_BACKEND is tensorflow"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch, changes, message):
    for name, value in (KERAS | changes).items():
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=message):
        from_environment()
