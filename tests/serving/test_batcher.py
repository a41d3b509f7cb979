"""Many threads, one function of a batch: everyone gets the answers to their own items."""

import gc
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.models import store
from scenes.serving import classifier
from scenes.serving.batcher import Batcher
from tests.code_facts import ROOT
from tests.helpers.pictures import picture
from tests.helpers.small_model import DESCRIPTION, small


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


def test_what_nobody_calls_any_more_is_let_go():
    class Model:
        def predict(self, items):
            return items

    before = threading.enumerate()
    model = Model()
    batcher, gone = Batcher(model.predict, 3), weakref.ref(model)
    assert batcher([1, 2]) == [1, 2]
    (thread,) = (each for each in threading.enumerate() if each.name == "batcher" and each not in before)
    del model, batcher
    gc.collect()
    thread.join(20)
    assert not thread.is_alive()
    assert gone() is None


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory, deterministic):
    folder = tmp_path_factory.mktemp("production")
    store.save_production(folder, small(0), DESCRIPTION)
    return folder


def test_twenty_at_once_get_what_each_would_get_alone(folder):
    model = classifier.from_folder(folder)
    batcher = Batcher(model.predict, 32)
    photos = [model.prepare(picture(number, model.size, model.size)) for number in range(20)]
    alone = [model.predict([photo])[0] for photo in photos]

    def visitor(number):
        for _ in range(10):
            (answer,) = batcher([photos[number]])
            assert answer.probabilities == pytest.approx(alone[number].probabilities, abs=1e-5)
            assert answer.presence == pytest.approx(alone[number].presence, abs=1e-5)
        return True

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(visitor, range(20)))


# A process of its own: what other tests have used and freed is none of the batcher's. The first thousand calls fill the
# pools of TensorFlow's threads and of Python's.
MEMORY = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import psutil
from scenes.serving import classifier
from scenes.serving.batcher import Batcher
from scenes.process.runtime import configure

configure(seed=0, threads=2)
model = classifier.from_folder(sys.argv[1])
batcher = Batcher(model.predict, 32)
photos = np.random.default_rng(0).integers(0, 256, (20, model.size, model.size, 3), np.uint8)
with ThreadPoolExecutor(20) as pool:
    for _ in range(2):
        list(pool.map(lambda photo: [batcher([photo]) for _ in range(50)], photos))
        print(psutil.Process().memory_info().rss)
"""


@pytest.mark.process
def test_a_thousand_answers_at_once_take_no_memory_that_stays(folder):
    done = subprocess.run([sys.executable, "-c", MEMORY, folder], cwd=ROOT, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr[-3000:]
    before, after = map(int, done.stdout.split())
    assert after - before < 20_000_000
