"""Shards computed by Ray, on one machine: two real nodes, of which one is killed; and a driver that is killed."""

import json
import os
import re
import subprocess
import sys
import time

import psutil
import pytest

from scenes.common.errors import InputError
from scenes.executors import ray_cluster
from scenes.executors.shards import Job
from tests.code_facts import ROOT
from tests.helpers import ray_driver, ray_nodes, shard_work
from tests.helpers.pictures import pack, sound_files
from tests.helpers.servers import free_port

SET = (
    *("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"),
    *("RAY_NUM_REDIS_GET_RETRIES", "RAY_USAGE_STATS_ENABLED"),
)
NAMES = [f"shard {number}" for number in range(ray_driver.NOTES)]


@pytest.fixture
def unset(monkeypatch):
    """No variable of Ray is set, and those that the executor sets are removed afterwards."""
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in [*filter(lambda name: name.startswith("RAY_"), os.environ), *SET]:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_without_ray_the_extra_is_named(unset):
    with pytest.raises(InputError, match=r"-r requirements-scale\.txt"):
        [*ray_cluster.compute(Job("audit", shard_work.number), shard_work.shards(1))]
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64  # a Ray of its own


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://localhost:{port}", "nowhere.invalid:1", ":{port}", "x"])
def test_an_address_without_a_cluster_is_one_sentence(unset, address, monkeypatch):
    address = address.format(port=free_port())
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(InputError, match=rf"^RAY_ADDRESS={re.escape(address)}: cannot connect .*; start one with"):
        [*ray_cluster.compute(Job("audit", shard_work.number), shard_work.shards(1))]


def test_a_node_with_other_versions_is_refused():
    ours = ray_cluster._versions()
    ray_cluster._refuse_other_versions(ours)
    with pytest.raises(InputError, match=rf"has pillow 1.0 instead of {ours['pillow']}; check out the same commit"):
        ray_cluster._refuse_other_versions(ours | {"pillow": "1.0"})


@pytest.fixture(scope="module")
def nodes():
    with ray_nodes.cluster() as nodes:
        yield nodes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("driver")
    pack(folder / "archive.zip", sound_files())
    return folder


@pytest.fixture
def start(folder):
    """A function that starts a driver."""
    drivers = []

    def start_driver(function, environment):
        command = [sys.executable, "-m", "tests.helpers.ray_driver", function, str(folder)]
        environment = os.environ | {"SCENES_EXECUTOR": "ray", "PYTHONPATH": str(ROOT)} | environment
        drivers.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True))
        return drivers[-1]

    yield start_driver
    for driver in drivers:
        driver.kill()
        driver.wait()


def wait_for(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)


def computed(folder):
    """Return the number of a shard and the process, for each time that one was computed."""
    return [tuple(map(int, path.name.split()[:2])) for path in sorted((folder / "notes").glob("*"))]


def finished(driver):
    """Return what the driver has printed, among what Ray prints."""
    printed, _ = driver.communicate(timeout=150)
    assert driver.returncode == 0
    return json.loads(next(line for line in printed.splitlines() if line.startswith("[")))


def printed(driver):
    """Return the results that a driver has printed, among what Ray prints."""
    return [line for line in driver.communicate(timeout=100)[0].splitlines() if line in NAMES]


READ = [[[b"234".hex(), b"9".hex()], [{"weights": "1, 2"}]]] * 3


@pytest.mark.process
def test_what_jobs_return_and_raise(nodes, folder, start):
    read, records, (refused, out_of_memory, failed, died) = finished(start("outcomes", nodes.environment))
    assert read == READ
    assert records == ray_driver.records(folder)
    assert len(records) > 1
    assert refused == "InputError: audit: shard 0 (image 0): a.jpg is a web page; replace it"
    assert out_of_memory == "InputError: audit: shard 0 (image 0): out of memory; lower x"
    assert "in fail" in failed and "by nothing" in failed
    assert died == (
        "InputError: audit: shard 0 (image 0): its worker was lost 3 times; most likely memory ran out: lower x"
    )


@pytest.mark.process
@pytest.mark.parametrize("changes", [{"RAY_AUTH_TOKEN": "0" * 64}, {"RAY_AUTH_MODE": "disabled"}])
def test_a_wrong_token_or_none_is_one_sentence(nodes, changes):
    code = "from scenes.executors import ray_cluster; ray_cluster._connected_ray()"
    environment = os.environ | nodes.environment | changes
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    *_, said = done.stderr.splitlines()
    assert "InputError: RAY_ADDRESS=127.0.0.1:" in said
    assert "if the cluster has a token, set RAY_AUTH_MODE=token" in said


@pytest.mark.process
def test_a_killed_node_and_a_killed_driver_change_nothing(nodes, folder, start):
    second = nodes.add()
    driver = start("notes", nodes.environment)

    def both_work():
        workers = {process for _, process in computed(folder)}
        return {worker.pid for worker in second.children(recursive=True)} & workers and len(workers) == 2

    wait_for(both_work, driver)
    ray_nodes.kill(second)
    before = len(computed(folder))
    wait_for(lambda: len([*(folder / "kept").glob("*")]) > before + 3, driver)
    driver.kill()
    results = printed(driver)
    assert results == NAMES[: len(results)]
    kept, first = len([*(folder / "kept").glob("[!.]*")]), computed(folder)
    assert kept < len(NAMES)

    driver = start("notes", nodes.environment)
    assert printed(driver) == NAMES
    again = computed(folder)
    for each in first:
        again.remove(each)
    assert sorted(number for number, _ in again) == [*range(kept, len(NAMES))]
    assert not (folder / "kept").exists()


@pytest.mark.slow
def test_a_model_says_the_same_in_both_executors(nodes, start):
    here = finished(start("predictions", {"SCENES_EXECUTOR": "processes"}))
    assert finished(start("predictions", nodes.environment)) == here
    assert len(here) > 1


@pytest.mark.process
def test_a_ray_of_its_own_reads_a_shared_folder_and_ends_with_the_driver(folder, start):
    driver = start("read", {"RAY_ADDRESS": "", "SCENES_SHARED_FOLDER": "1"})
    own = set()
    while driver.poll() is None:
        own |= set(psutil.Process(driver.pid).children(recursive=True))
        time.sleep(0.2)
    assert finished(driver) == [READ, ray_driver.records(folder)]
    assert len(own) > 3
    assert psutil.wait_procs(own, timeout=10)[1] == []
