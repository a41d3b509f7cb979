"""Groups of duplicates, against a comparison of all with all."""

import hashlib
import io
import random
import tracemalloc

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scenes.dataset.duplicates import groups, near_pairs, perceptual_hash
from tests.helpers.pictures import encode, picture


def distance(first: str, second: str) -> int:
    return imagehash.hex_to_hash(first) - imagehash.hex_to_hash(second)


def by_comparing_all(sha256, pixel_sha256, phash, bits) -> list[int]:
    """Number each row by the first row of its group."""
    group = list(range(len(sha256)))
    for first in range(len(sha256)):
        for second in range(first + 1, len(sha256)):
            near = phash[first] and phash[second] and distance(phash[first], phash[second]) <= bits
            same = any(column[first] and column[first] == column[second] for column in (sha256, pixel_sha256))
            if near or same:
                old, new = group[second], group[first]
                group = [new if number == old else number for number in group]
    return group


def as_partition(names) -> set[frozenset[int]]:
    return {frozenset(row for row, other in enumerate(names) if other == name) for name in names}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.integers(0, 64), st.randoms(use_true_random=False))
def test_near_pairs_are_all_pairs_that_are_near(values, bits, random_):
    # Pure chance leaves 32 bits between two hashes; have some nearer.
    values += [value ^ (1 << random_.randrange(64)) for value in values for _ in range(2)]
    found = near_pairs(np.array(values, np.uint64), bits)
    expected = [
        (first, second)
        for first in range(len(values))
        for second in range(first + 1, len(values))
        if (values[first] ^ values[second]).bit_count() <= bits
    ]
    assert found.tolist() == [list(pair) for pair in expected]


def test_near_pairs_do_not_depend_on_blocks(monkeypatch):
    values = np.random.default_rng(0).integers(0, 2**10, 500, np.uint64)
    whole = near_pairs(values, 1)
    monkeypatch.setattr("scenes.dataset.duplicates._BLOCK", 7)
    assert len(whole)
    assert np.array_equal(near_pairs(values, 1), whole)


def test_near_pairs_need_little_memory_for_many_images():
    values = np.random.default_rng(0).integers(0, 2**64, 25_000, np.uint64)
    values[1::1000] = values[::1000] ^ np.uint64(0b1011)
    tracemalloc.start()
    found = near_pairs(values, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.tolist() == [[row, row + 1] for row in range(0, 25_000, 1000)]
    assert peak < 100_000_000


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", *"abcdefgh"]),
        st.sampled_from(["", *"stuvwxyz"]),
        st.one_of(st.just(""), st.integers(0, 255).map(lambda low: f"{low << 40:016x}")),
    ),
    max_size=16,
)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.integers(0, 3), st.randoms(use_true_random=False))
def test_groups_are_what_comparing_all_gives_in_any_order(rows, bits, random_: random.Random):
    paths = [f"{number}.jpg" for number in range(len(rows))]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    names = groups(*columns, paths, distance=bits)
    assert as_partition(names) == as_partition(by_comparing_all(*columns, bits))

    order = random_.sample(range(len(rows)), len(rows))
    shuffled = groups(
        *([column[row] for row in order] for column in columns), [paths[row] for row in order], distance=bits
    )
    assert shuffled == [names[row] for row in order]


def test_a_group_is_named_by_its_content_not_by_its_files():
    columns = ["b" * 64, "a" * 64, "c" * 64], ["x", "x", "y"], ["", "", ""]
    assert groups(*columns, ["1", "2", "3"], distance=4) == ["a" * 16, "a" * 16, "c" * 16]
    assert groups(*columns, ["other", "names", "here"], distance=4) == ["a" * 16, "a" * 16, "c" * 16]
    unread = hashlib.sha256(b"1.jpg").hexdigest()[:16]
    assert groups([""], [""], [""], ["1.jpg"], distance=4) == [unread]


def test_a_chain_is_one_group():
    hashes = [f"{(1 << 4 * number) - 1:016x}" for number in range(6)]
    assert len(set(groups([*"abcdef"], [*"uvwxyz"], hashes, [*"123456"], distance=4))) == 1
    assert len(set(groups([*"abcdef"], [*"uvwxyz"], hashes, [*"123456"], distance=3))) == 6


# The hash


def test_the_hash_is_imagehash_s():
    for seed in range(20):
        pixels = picture(seed, 150, 100)
        assert perceptual_hash(pixels) == str(imagehash.phash(Image.fromarray(pixels)))


def test_the_hash_is_imagehash_s_with_next_to_no_structure():
    """One pixel differs by one: the frequencies are close to their median."""
    rng = np.random.default_rng(0)
    hashes = []
    for shade in range(200):
        pixels = np.full((32, 32, 3), shade, np.uint8)
        pixels[tuple(rng.integers(0, 32, 2))] += 1
        hashes.append(perceptual_hash(pixels))
        assert hashes[-1] in ("", str(imagehash.phash(Image.fromarray(pixels))))
    assert sum(map(bool, hashes)) > 150


def test_pictures_packed_again_or_brighter_are_near_and_no_others():
    hashes = []
    for seed in range(20):
        pixels = picture(seed, 150, 150)
        kept = perceptual_hash(pixels)
        with Image.open(io.BytesIO(encode(pixels, quality=30))) as packed:
            again = perceptual_hash(np.asarray(packed))
        smaller = perceptual_hash(np.asarray(Image.fromarray(pixels).resize((75, 75), Image.Resampling.LANCZOS)))
        brighter = perceptual_hash((pixels * 0.8 + 30).astype(np.uint8))
        assert max(distance(kept, other) for other in (again, smaller, brighter)) <= 4
        hashes.append(kept)
    assert min(distance(one, other) for one in hashes for other in hashes if one != other) > 4


@pytest.mark.parametrize(
    "shade",
    [
        np.full((60, 60), 0),
        np.full((60, 60), 255),
        np.full((60, 60), 77),
        np.tile(np.arange(60) * 4, (60, 1)),
        np.tile(np.arange(60) * 4, (60, 1)).T,
    ],
)
def test_pictures_without_structure_have_no_hash(shade):
    assert perceptual_hash(np.repeat(shade.astype(np.uint8)[..., None], 3, axis=2)) == ""


def test_a_picture_of_one_pixel_has_no_hash():
    assert perceptual_hash(np.zeros((1, 1, 3), np.uint8)) == ""
