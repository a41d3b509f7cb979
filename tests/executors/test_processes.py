"""Shards in processes: results in order; what fails or dies is named."""

import os
import time

import pytest

from scenes.common.errors import InputError
from scenes.executors import processes
from scenes.executors.shards import Job
from tests.helpers import shard_work


def compute(work, shards, processes_=2, **settings):
    return processes.compute(Job("audit", work, processes=processes_, advice="lower x", **settings), shards)


@pytest.mark.process
@pytest.mark.timeout(60)
def test_results_are_in_order_and_come_from_processes_that_end_and_have_loaded_once(tmp_path):
    shards = shard_work.shards(10, tmp_path)
    results = [*compute(shard_work.process, shards, 3, load=shard_work.load_process)]
    workers, numbers, states = zip(*results, strict=True)
    assert [*numbers] == [*range(10)]
    assert os.getpid() not in workers
    assert len({*workers}) >= 2
    assert len({*states}) == len({*workers})
    assert not any(exists(process) for process in workers)


def exists(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.process
def test_what_is_computed_ahead_is_bounded(tmp_path):
    results = compute(shard_work.note, shard_work.shards(20, tmp_path))
    next(results)
    time.sleep(1)
    assert len([*tmp_path.iterdir()]) <= 5  # four in flight, and the first
    assert len([*results]) == 19
    assert len([*tmp_path.iterdir()]) == 20


@pytest.mark.parametrize("processes_", [1, pytest.param(2, marks=pytest.mark.process)])
def test_what_fails_names_the_shard_and_its_images(processes_):
    shards = shard_work.shards(2)
    with pytest.raises(InputError, match=r"^audit: shard 0 \(image 0\): a.jpg is a web page; replace it$"):
        [*compute(shard_work.refuse, shards, processes_)]
    with pytest.raises(InputError, match=r"^audit: shard 0 \(image 0\): out of memory; lower x$"):
        [*compute(shard_work.use_up_memory, shards, processes_)]
    with pytest.raises(InputError, match=r"^model.keras is damaged$"):
        [*compute(shard_work.number, shards, processes_, load=shard_work.refuse_to_load)]


@pytest.mark.process
def test_a_defect_comes_with_the_traceback_of_its_process():
    with pytest.raises(ZeroDivisionError, match="by nothing") as raised:
        [*compute(shard_work.fail, shard_work.shards(2))]
    assert "in fail" in str(raised.value.__cause__)
    assert raised.value.__notes__ == ["in audit: shard 0 (image 0)"]


@pytest.mark.process
def test_a_killed_process():
    with pytest.raises(InputError, match=r"^audit: a process was killed in one of .*shard 1 \(image 1\).*: lower x$"):
        [*compute(shard_work.die, shard_work.shards(2))]


@pytest.mark.process
@pytest.mark.parametrize(("alone", "others"), [(60, False), (0.001, True)])
def test_a_short_job_is_done_in_this_process(monkeypatch, tmp_path, alone, others):
    monkeypatch.setattr(processes, "_ALONE", alone)
    monkeypatch.setattr(processes, "cores", lambda: 2)
    (tmp_path / "process").touch()
    workers, numbers, _ = zip(*compute(shard_work.process, shard_work.shards(6, tmp_path), None), strict=True)
    assert [*numbers] == [*range(6)]
    assert workers[0] == os.getpid()
    assert (workers[-1] != os.getpid()) is others
