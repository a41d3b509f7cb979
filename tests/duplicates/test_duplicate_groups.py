"""Groups of duplicates, against a comparison of all with all."""

import hashlib
import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.duplicates.duplicate_groups import groups


def by_comparing_all(sha256, pixel_sha256, paths, near) -> list[int]:
    """Number each row by the first row of its group."""
    group = list(range(len(sha256)))
    for first in range(len(sha256)):
        for second in range(first + 1, len(sha256)):
            same = any(column[first] and column[first] == column[second] for column in (sha256, pixel_sha256))
            if same or {(paths[first], paths[second]), (paths[second], paths[first])} & near:
                old, new = group[second], group[first]
                group = [new if number == old else number for number in group]
    return group


def as_partition(names) -> set[frozenset[int]]:
    return {frozenset(row for row, other in enumerate(names) if other == name) for name in names}


ROWS = st.lists(st.tuples(st.sampled_from(["", *"abcdefgh"]), st.sampled_from(["", *"stuvwxyz"])), max_size=16)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.sets(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=6), st.randoms(use_true_random=False))
def test_groups_are_what_comparing_all_gives_in_any_order(rows, pairs, random_: random.Random):
    paths = [f"{number}.jpg" for number in range(len(rows))]
    near = {(f"{first}.jpg", f"{second}.jpg") for first, second in pairs if max(first, second) < len(rows)}
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], []]
    names = groups(*columns, paths, near)
    assert as_partition(names) == as_partition(by_comparing_all(*columns, paths, near))

    order = random_.sample(range(len(rows)), len(rows))
    shuffled = groups(*([column[row] for row in order] for column in (*columns, paths)), near)
    assert shuffled == [names[row] for row in order]


def test_a_group_is_named_by_its_content_not_by_its_files():
    columns = ["b" * 64, "a" * 64, "c" * 64], ["x", "x", "y"]
    assert groups(*columns, ["1", "2", "3"], []) == ["a" * 16, "a" * 16, "c" * 16]
    assert groups(*columns, ["other", "names", "here"], []) == ["a" * 16, "a" * 16, "c" * 16]
    unread = hashlib.sha256(b"1.jpg").hexdigest()[:16]
    assert groups([""], [""], ["1.jpg"], []) == [unread]


def test_a_chain_is_one_group():
    paths = [*"123456"]
    assert len(set(groups([*"abcdef"], [*"uvwxyz"], paths, pairwise(paths)))) == 1
