"""The distance to the training images: which images are kept, that it is the cosine distance, and its file."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from scenes.common.errors import InputError
from scenes.models import store, training_distance


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)


def test_the_images_kept_are_the_first_of_each_class(features, monkeypatch):
    monkeypatch.setattr(training_distance, "IMAGES", 13)
    labels = np.array([0] * 50 + [1] * 7 + [2] * 3)
    kept = training_distance.choose(features, labels)
    assert (kept.shape, kept.dtype) == ((13, 8), np.float16)
    expected = features[[*range(5), *range(50, 55), 57, 58, 59]]
    np.testing.assert_allclose(kept, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-3)
    assert len(training_distance.choose(features[:9], labels[:9])) == 9


def test_it_is_the_distance_to_the_nearest_by_brute_force(features):
    training = training_distance.choose(features[:40], np.zeros(40, int))
    nearest = NearestNeighbors(n_neighbors=1, metric="cosine", algorithm="brute").fit(training.astype(float))
    expected = nearest.kneighbors(features)[0][:, 0]
    np.testing.assert_allclose(training_distance.distances(features, training), expected, atol=1e-6)
    np.testing.assert_allclose(expected[:40], 0, atol=1e-6)  # float16 costs nothing
    assert expected[40:].min() > 0.01


def test_equal_features_give_equal_bytes(features, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        store.save_training_features(tmp_path / name, training_distance.choose(features, np.arange(60) % 4))
    first, second = ((tmp_path / name / "training_features.npy").read_bytes() for name in "ab")
    assert first == second


@pytest.mark.parametrize("damaged", [b"", b"\x93NUMPY", b"PK\x03\x04 no zip"])
def test_a_damaged_file_is_one_sentence_and_a_missing_one_is_none(damaged, tmp_path):
    assert store.load_training_features(tmp_path) is None
    store.save_training_features(tmp_path, np.ones((2, 3), np.float16))
    (file,) = tmp_path.iterdir()
    file.write_bytes(damaged)
    with pytest.raises(InputError, match=r"training_features\.npy is damaged .*; make it again with `dvc repro`"):
        store.load_training_features(tmp_path)
