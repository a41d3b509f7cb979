"""Processes that work on an archive: results in order; one that fails or dies ends the work."""

import os
import signal
import time

import pytest

from scenes.common.errors import InputError
from scenes.dataset.archive_workers import map_chunks
from tests.helpers.pictures import opened, pack, sound_files

pytestmark = pytest.mark.process


@pytest.fixture
def archive(tmp_path):
    with opened(pack(tmp_path / "a.zip", sound_files())) as archive:
        yield archive


def count(archive, chunk):
    """Return the process and the size of the archive, as soon as two processes are at work."""
    folder, number = chunk
    (folder / str(os.getpid())).touch()
    while len([*folder.iterdir()]) < 2:
        time.sleep(0.01)
    time.sleep(0.05 * (number == 0))  # the first ends last
    return os.getpid(), number, len(archive.members)


def fail(archive, chunk):
    raise ZeroDivisionError(f"chunk {chunk}")


def use_up_memory(archive, chunk):
    raise MemoryError


def die(archive, chunk):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.timeout(60)
def test_results_are_in_order_and_come_from_processes_that_end(archive, tmp_path):
    folder = tmp_path / "processes"
    folder.mkdir()
    processes, numbers, sizes = zip(*map_chunks(count, archive, [(folder, n) for n in range(10)], 3), strict=True)
    assert [*numbers] == [*range(10)]
    assert {*sizes} == {len(archive.members)}
    assert os.getpid() not in processes
    assert len({*processes}) >= 2
    assert not any(exists(process) for process in processes)


def exists(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_defect_comes_with_the_traceback_of_its_process(archive):
    with pytest.raises(ZeroDivisionError, match="chunk 1") as raised:
        [*map_chunks(fail, archive, [1, 1], 2)]
    assert "in fail" in str(raised.value.__cause__)


def test_a_process_without_memory_says_so(archive):
    with pytest.raises(MemoryError):
        [*map_chunks(use_up_memory, archive, [1, 2], 2)]


def test_a_killed_process(archive):
    with pytest.raises(InputError, match=r"a process that decodes images was killed, most likely for lack of memory"):
        [*map_chunks(die, archive, [1, 2], 2)]
