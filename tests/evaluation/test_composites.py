"""Composites: which images are joined, and what is where in the result."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.evaluation import composites
from scenes.evaluation.composites import Composites

CLASSES = ("a", "b", "c", "d")


def keys_of(labels) -> np.ndarray:
    return np.array([f"{CLASSES[label]}/{index}.jpg".encode() for index, label in enumerate(labels)])


def choose(labels, count, seed=0) -> Composites:
    return composites.choose(keys_of(labels), np.array(labels, np.int64), CLASSES, count=count, seed=seed)


some_labels = st.lists(st.integers(0, len(CLASSES) - 1), max_size=30)


@given(some_labels, st.integers(1, 200), st.integers(0, 3))
def test_two_classes_are_joined_and_no_pair_twice(labels, count, seed):
    chosen = choose(labels, count, seed)
    label_of = dict(zip(keys_of(labels).tolist(), labels, strict=True))
    assert (chosen.labels[:, 0] != chosen.labels[:, 1]).all()
    assert [label_of[key] for key in chosen.first.tolist()] == chosen.labels[:, 0].tolist()
    assert [label_of[key] for key in chosen.second.tolist()] == chosen.labels[:, 1].tolist()
    pairs = {frozenset(pair) for pair in zip(chosen.first.tolist(), chosen.second.tolist(), strict=True)}
    assert len(pairs) == len(chosen.first)
    sizes = np.bincount(labels, minlength=len(CLASSES))
    there_are = sum(sizes[a] * sizes[b] for a, b in combinations(range(len(CLASSES)), 2))
    assert len(pairs) == min(count, there_are)


@given(some_labels, st.integers(1, 50), st.randoms(use_true_random=False))
def test_the_order_of_the_images_moves_nothing(labels, count, random):
    keys, shuffled = keys_of(labels), list(range(len(labels)))
    random.shuffle(shuffled)
    label = np.array(labels, np.int64)
    one = composites.choose(keys, label, CLASSES, count=count, seed=1)
    other = composites.choose(keys[shuffled], label[shuffled], CLASSES, count=count, seed=1)
    for name in ("first", "second", "stacked", "labels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_fewer_composites_are_the_first_of_more():
    labels = [index % 4 for index in range(200)]
    few, many, others = choose(labels, 30), choose(labels, 60), choose(labels, 30, seed=1)
    assert few.first.tolist() == many.first[:30].tolist()
    assert few.first.tolist() != others.first.tolist()


def test_classes_sides_and_images_are_used_evenly():
    chosen = choose([index % 4 for index in range(400)], 240)
    pairs, counts = np.unique(np.sort(chosen.labels, axis=1), axis=0, return_counts=True)
    assert len(pairs) == 6
    assert (counts == 40).all()
    assert chosen.stacked.mean() == 0.5
    # Neither half always shows the class that comes first.
    assert (chosen.labels[:, 0] < chosen.labels[:, 1]).mean() == 0.5
    # 480 halves of 400 images.
    assert len(np.unique(np.concatenate([chosen.first, chosen.second]))) > 300


def test_two_classes_are_not_joined():
    labels = np.array([0, 1] * 5)
    found = composites.choose(keys_of(labels), labels, CLASSES[:2], count=9, seed=0)
    assert len(found.first) == len(found.second) == len(found.stacked) == 0
    assert found.present.shape == (0, 2)


@pytest.mark.parametrize("classes", [30, 1000])
def test_few_composites_of_many_classes_are_of_all_of_them(classes):
    labels = np.arange(2 * classes) % classes
    keys = np.array([f"{index}".encode() for index in range(len(labels))])
    names = [f"{index}" for index in range(classes)]
    found = composites.choose(keys, labels, names, count=300, seed=0)
    pairs = {tuple(sorted(pair)) for pair in found.labels.tolist()}
    assert len(pairs) == 300
    # 600 halves: of the classes, one in e^(600/k) is missed on average; of 1,000 drawn in pairs, nearly half.
    assert len(np.unique(found.labels)) > (0.4 * classes if classes > 300 else 0.99 * classes)
    assert np.bincount(found.labels.ravel()).max() < 12 * 600 / classes


def test_what_is_known_are_the_two_classes():
    chosen = Composites(
        np.array([b"x", b"y"]), np.array([b"z", b"x"]), np.array([False, True]), np.array([[0, 2], [3, 1]]), CLASSES
    )
    assert chosen.present.tolist() == [[True, False, True, False], [False, True, False, True]]


@given(st.integers(2, 9), st.integers(2, 9))
def test_each_half_is_the_middle_of_its_image(height, width):
    # Pixels that tell where they come from.
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    first = np.stack([np.zeros_like(rows), rows, columns], axis=-1).astype(np.uint8)
    second = first + np.array([1, 0, 0], np.uint8)
    beside, above = composites.compose(np.stack([first] * 2), np.stack([second] * 2), np.array([False, True]))

    left, right = beside[:, : width // 2], beside[:, width // 2 :]
    assert (left[..., 0] == 0).all()
    assert (right[..., 0] == 1).all()
    upper, lower = above[: height // 2], above[height // 2 :]
    assert (upper[..., 0] == 0).all()
    assert (lower[..., 0] == 1).all()
    for half, size in ((left, width), (right, width)):
        assert (half[..., 1] == rows[:, : half.shape[1]]).all()
        start = (size - half.shape[1]) // 2
        assert (half[..., 2] == np.arange(start, start + half.shape[1])).all()
    for half, size in ((upper, height), (lower, height)):
        assert (half[..., 2] == columns[: half.shape[0]]).all()
        start = (size - half.shape[0]) // 2
        assert (half[..., 1] == np.arange(start, start + half.shape[0])[:, None]).all()


def test_images_are_found_by_their_keys():
    split = {
        "key": np.array([b"dark", b"bright", b"middle"]),
        "image": np.stack([np.full((4, 4, 3), value, np.uint8) for value in (0, 255, 100)]),
    }
    chosen = Composites(np.array([b"middle"]), np.array([b"dark"]), np.array([False]), np.array([[0, 1]]), CLASSES)
    (image,) = composites.images(chosen, split)
    assert (image[:, :2] == 100).all()
    assert (image[:, 2:] == 0).all()


@pytest.mark.parametrize("features", [None, np.arange(12, dtype=np.float32).reshape(6, 2)])
def test_what_is_saved_comes_back_and_is_the_same_bytes(tmp_path, features):
    chosen = choose([0, 1, 2, 3, 0, 1], 6)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        composites.save(tmp_path / name / "val.npz", chosen, features)
    assert (tmp_path / "one/val.npz").read_bytes() == (tmp_path / "other/val.npz").read_bytes()
    assert composites.splits(tmp_path / "one") == ["val"]
    loaded, found = composites.load(tmp_path / "one", "val")
    for name in ("first", "second", "stacked", "labels"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(chosen, name))
    assert loaded.classes == CLASSES
    if features is None:
        assert found is None
    else:
        np.testing.assert_array_equal(found, features)


def test_the_truth_comes_back_and_that_of_photos_is_empty(tmp_path):
    file = tmp_path / "ground_truth.csv"
    composites.save_ground_truth(file, {"t/1.jpg": "glacier mountain", 't/",2.jpg': "sea"})
    assert composites.load_ground_truth(file) == {"t/1.jpg": {"glacier", "mountain"}, 't/",2.jpg': {"sea"}}
    composites.save_ground_truth(file, {})
    assert composites.load_ground_truth(file) == {}
