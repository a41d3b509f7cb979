"""Many threads, one function of a batch: everyone gets the answers to their own items."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import classifier
from scenes.batcher import Batcher
from tests.pictures import picture


@given(st.lists(st.lists(st.integers(), max_size=5), max_size=12), st.integers(1, 8))
def test_each_call_gets_the_results_of_its_own_items_in_their_order(calls, max_size):
    batches = []

    def squares(items):
        batches.append(len(items))
        return [item**2 for item in items]

    batcher = Batcher(squares, max_size)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(batcher, calls))
    assert found == [[item**2 for item in call] for call in calls]
    assert max(batches, default=0) <= max(max_size, max(map(len, calls), default=0))


def test_what_comes_while_it_computes_is_its_next_batch():
    begun, go_on, batches = threading.Event(), threading.Event(), []

    def slowly(items):
        batches.append(list(items))
        begun.set()
        assert go_on.wait(20)
        return items

    batcher = Batcher(slowly, 3)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(batcher, [0])
        assert begun.wait(20)
        others = []
        for item in range(1, 6):
            others.append(pool.submit(batcher, [item]))
            while batcher._waiting.qsize() < item:
                time.sleep(0.001)
        go_on.set()
        assert [first.result(20), *(each.result(20) for each in others)] == [[item] for item in range(6)]
    assert batches == [[0], [1, 2, 3], [4, 5]]


def test_an_error_reaches_those_it_concerns_and_the_next_call_is_answered():
    def inverse(items):
        return [1 / item for item in items]

    batcher = Batcher(inverse, 4)
    with pytest.raises(ZeroDivisionError):
        batcher([0])
    assert batcher([4]) == [0.25]


def test_too_few_results_are_an_error_too_and_nobody_waits_for_ever():
    batcher = Batcher(lambda items: items[1:], 4)
    with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError):
        pool.submit(batcher, [1, 2]).result(20)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.timeout(900)
def test_twenty_at_once_get_what_each_would_get_alone_and_memory_stays(pipeline):
    model = classifier.of_folder(pipeline.one / "models/production")
    batcher = Batcher(model.predict, 32)
    photos = [model.prepare(picture(number, model.size, model.size)) for number in range(20)]
    alone = [model.predict([photo])[0] for photo in photos]

    def visitor(number):
        for _ in range(10):
            (answer,) = batcher([photos[number]])
            assert answer.probabilities == pytest.approx(alone[number].probabilities, abs=1e-5)
            assert answer.contains == pytest.approx(alone[number].contains, abs=1e-5)
        return True

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(visitor, range(20)))
        before = psutil.Process().memory_info().rss
        for _ in range(5):
            assert all(pool.map(visitor, range(20)))
    assert psutil.Process().memory_info().rss - before < 100_000_000  # of a process that other tests ran in before
