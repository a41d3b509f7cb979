"""The search for near hashes, against a comparison of all with all."""

import tracemalloc

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.duplicates.hash_search import HashIndex, expand


def found_by(values, queries, bits) -> list[tuple[int, int, int, int]]:
    index = HashIndex(np.array(values, np.uint64), bits)
    return sorted(
        (number, *pair)
        for number, *columns in index.near(np.array(queries, np.uint64).reshape(len(queries), -1))
        for pair in zip(*(column.tolist() for column in columns), strict=True)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=30), st.integers(0, 64), st.randoms(use_true_random=False)
)
def test_all_pairs_that_are_near_are_found_once(values, bits, random_):
    # Pure chance leaves 32 bits between two hashes; have some nearer.
    values = sorted(values | {value ^ (1 << random_.randrange(64)) for value in values for _ in range(2)})
    queries = [random_.sample(values, len(values)), [value ^ 1 for value in values]]
    expected = [
        (number, row, place, (query ^ value).bit_count())
        for number, row_of_queries in enumerate(queries)
        for row, query in enumerate(row_of_queries)
        for place, value in enumerate(values)
        if (query ^ value).bit_count() <= bits
    ]
    assert found_by(values, queries, bits) == expected


def test_blocks_do_not_matter(monkeypatch):
    values = np.unique(np.random.default_rng(0).integers(0, 2**12, 500, np.uint64))
    whole = found_by(values, values[None], 1)
    monkeypatch.setattr("scenes.duplicates.hash_search._BLOCK", 7)
    assert len(whole) > 500
    assert found_by(values, values[None], 1) == whole


def test_many_hashes_need_little_memory():
    values = np.random.default_rng(0).integers(0, 2**64, 50_000, np.uint64)
    values[1::1000] = values[::1000] ^ np.uint64(0b1011)
    tracemalloc.start()
    found = found_by(values, values[None], 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(row, place) for _, row, place, apart in found if apart == 3 and row < place] == [
        (row, row + 1) for row in range(0, 50_000, 1000)
    ]
    assert peak < 150_000_000


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=10), st.integers(1, 9))
def test_expand_lists_every_value_of_every_range(ranges, block):
    starts, counts = np.array(ranges, np.int64).reshape(-1, 2).T
    found = [pair for rows, values in expand(starts, starts + counts, block) for pair in zip(rows, values, strict=True)]
    assert found == [(row, start + step) for row, (start, count) in enumerate(ranges) for step in range(count)]
