"""How well the distance to the training images tells others: areas under the ROC curve, and what is not measured."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from scenes.backbones.features import Features
from scenes.evaluation import novelty_scores
from scenes.models import store
from tests.helpers import model_folders
from tests.helpers.shallow_backbone import shallow_backbone  # noqa: F401

pytestmark = pytest.mark.usefixtures("deterministic")


def test_the_area_is_scikit_learns_and_half_for_equal_distances():
    known, others = np.array([0.1, 0.2, 0.3]), np.array([0.25, 0.4])
    assert novelty_scores.auroc(known, others) == roc_auc_score([0, 0, 0, 1, 1], [*known, *others]) == 5 / 6
    assert novelty_scores.auroc(known, known) == 0.5


def clusters(counts: tuple[int, ...], seed: int) -> Features:
    """Features of classes in directions of their own; the last two directions are close to each other."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(len(counts)), counts)
    centres = np.eye(len(counts), 6)
    centres[-1] = centres[-2] + 0.01
    features = (centres[label] + rng.normal(scale=0.05, size=(len(label), 6))).astype(np.float32)
    return Features(np.arange(len(label)).astype(bytes), label, features, tuple("abcd"[: len(counts)]))


def test_a_class_left_out_is_told_if_it_differs_from_the_others():
    found = novelty_scores.left_out_classes(clusters((30, 30, 30, 30), 0), clusters((12, 9, 12, 12), 1))
    assert list(found) == ["a", "c", "d"]  # b has too few validation images
    assert found["a"] == 1
    assert 0.3 < found["d"] < 0.7


def test_one_class_alone_cannot_be_left_out():
    assert novelty_scores.left_out_classes(clusters((20, 0, 0), 0), clusters((12, 12, 0), 1)) == {"b": 1.0}


def test_the_drawings_are_always_the_same_and_of_the_size_asked_for(monkeypatch):
    monkeypatch.setattr(novelty_scores, "DRAWINGS", 2)
    first, second = (novelty_scores.drawings(size) for size in (20, 20))
    np.testing.assert_array_equal(first, second)
    assert (first.shape, first.dtype) == ((2, 20, 20, 3), np.uint8)
    assert (first[0] != first[1]).any()


@pytest.fixture(scope="module")
def data(tmp_path_factory, shallow_backbone):  # noqa: F811
    return model_folders.write_data(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize(("kind", "drawn"), [("cnn", True), ("frozen", False), ("tuned", False)])
def test_what_is_measured_of_a_model(kind, drawn, data, tmp_path, monkeypatch):
    """Learned features know the class that is left out; a model of drawings has no drawings to be compared with."""
    monkeypatch.setattr(novelty_scores, "drawings", lambda size: model_folders.images_of("train"))
    monkeypatch.setattr(novelty_scores, "_MIN_IMAGES", 2)
    folder = tmp_path / kind
    if kind == "cnn":
        model_folders.save_cnn(folder)
    else:
        model_folders.save_linear(folder, data, f"features/{kind}")
    training, scores = novelty_scores.measure(folder, data, store.load(folder, data), drawn=drawn)
    assert scores["images"] == len(training) == 41
    assert scores["unlike_above"] is None  # five validation images
    assert scores["drawings"] == (None if drawn else {"auroc": 0.0, "unlike": 0.0})  # training images are at 0
    assert (scores["left_out"] is None) == (kind != "frozen")
