"""Which executor computes, and what a stage that was killed has left."""

import pytest

from scenes.common.errors import InputError
from scenes.executors import executor, processes
from scenes.executors.shards import Job, Shard
from tests.helpers import shard_work

JOB = Job("audit", shard_work.note, processes=1)


def kept(shards, folder, key="1"):
    with executor.kept(folder / "kept", key) as run:
        yield from run(JOB, shards)


@pytest.fixture
def shards(tmp_path):
    (tmp_path / "computed").mkdir()
    return shard_work.shards(5, tmp_path / "computed")


def computed(folder):
    """Return the numbers of the shards that were computed since the last call."""
    names = [path.name for path in (folder / "computed").iterdir()]
    for name in names:
        (folder / "computed" / name).unlink()
    return sorted(int(name.split()[1]) for name in names)


def test_a_killed_run_is_finished_and_no_more(tmp_path, shards):
    expected = [shard.name.encode() for shard in shards]
    first = kept(shards, tmp_path)
    assert [next(first), next(first)] == expected[:2]
    first.close()
    assert computed(tmp_path) == [0, 1]
    assert [*kept(shards, tmp_path)] == expected
    assert computed(tmp_path) == [2, 3, 4]
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("damage", [b"", b"damaged", "flip", "a folder"])
def test_what_is_damaged_is_computed_again(tmp_path, shards, damage):
    first = kept(shards, tmp_path)
    next(first)
    (path,) = (tmp_path / "kept").iterdir()
    content = path.read_bytes()
    if damage == "a folder":
        path.unlink()
        (path / "x").mkdir(parents=True)
    else:
        path.write_bytes(content[:-1] + b"!" if damage == "flip" else damage)
    assert [*kept(shards, tmp_path)] == [shard.name.encode() for shard in shards]
    assert computed(tmp_path) == [*range(5)]


def test_what_was_computed_from_something_else_is_not_used(tmp_path, shards):
    next(kept(shards, tmp_path))
    [*kept(shards[:1], tmp_path, "2")]
    next(kept(shards, tmp_path))
    changed = Shard(shards[0].name, (), shards[0].spec, 1, "another image")
    computed(tmp_path)
    [*kept([changed], tmp_path)]
    assert computed(tmp_path) == [0]


def test_the_workers_are_gone_when_the_last_result_is_there(tmp_path, shards, monkeypatch):
    ended = []

    def compute(job, shards):
        try:
            yield from processes.compute(job, shards)
        finally:
            ended.append(True)

    monkeypatch.setattr(executor, "_executor", lambda: compute)
    results = kept(shards, tmp_path)
    for _ in shards:
        assert not ended
        next(results)
    assert ended


def test_an_unknown_executor_is_refused(monkeypatch, shards):
    monkeypatch.setenv(executor.VARIABLE, "spark")
    with pytest.raises(InputError, match=r"SCENES_EXECUTOR=spark is no executor; use processes or ray"):
        [*executor.run(JOB, shards)]


def test_a_variable_set_to_nothing_counts_as_unset(monkeypatch, shards):
    monkeypatch.setenv(executor.VARIABLE, "")
    assert [*executor.run(JOB, shards)] == [shard.name.encode() for shard in shards]
