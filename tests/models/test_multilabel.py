"""The second output: what it learns from one known class an image, its files, and how it is scored."""

import numpy as np
import pytest
from sklearn import metrics

from scenes.backbones.features import Features
from scenes.common.errors import InputError
from scenes.evaluation import multilabel as evaluation_multilabel
from scenes.models import multilabel
from scenes.training import multilabel as training_multilabel

pytestmark = pytest.mark.usefixtures("deterministic")
WIDTH = 60
SETTINGS = {
    "units": 32,
    "dropout": 0.0,
    "epochs": 30,
    "batch_size": 64,
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "seed": 3,
}


def planted(count: int, seed: int):
    """Features of images that contain some of four classes, of which the label names one, whichever.

    Returns:
        features float32 (n, WIDTH), label int (n,), what they contain bool (n, 4).
    """
    rng = np.random.default_rng(seed)
    there = np.eye(4, dtype=bool)[rng.integers(4, size=count)] | (rng.random((count, 4)) < 0.4)
    label = np.array([rng.choice(np.flatnonzero(row)) for row in there])
    features = there @ (4 * np.eye(4, WIDTH)) + rng.normal(size=(count, WIDTH))
    return features.astype(np.float32), label, there


def train_split(count: int) -> Features:
    features, label, _ = planted(count, seed=0)
    return Features(np.array([b"x"] * count), label, features, tuple("abcd"))


@pytest.fixture(scope="module")
def fitted(deterministic):
    return training_multilabel.fit_all(train_split(1000), rejection_rate=0.3, **SETTINGS)


def test_rejection_finds_more_than_the_naive_loss(fitted):
    features, _, there = planted(1000, seed=1)
    scores = {name: network.predict(features, verbose=0) for name, network in fitted.items()}
    precision, found, wrong = {}, {}, {}
    for name, values in scores.items():
        precision[name] = evaluation_multilabel.average_precision(there, values, "abcd")["mean_average_precision"]
        found[name], wrong[name] = (values[there] > 0.5).mean(), (values[~there] > 0.5).mean()
    assert precision[multilabel.PRESENCE] > precision[multilabel.PRESENCE_NAIVE] + 0.02
    # The naive one takes each class for one of which most images are free; and in an image two exclude each other.
    assert found[multilabel.PRESENCE] > found[multilabel.PRESENCE_NAIVE] + 0.2
    assert wrong[multilabel.PRESENCE] < 0.1


def test_scores_are_independent_of_one_another(fitted):
    """All four classes of an image can score high at once, which probabilities that sum to 1 cannot."""
    features, _, there = planted(1000, seed=1)
    scores = fitted[multilabel.PRESENCE].predict(features, verbose=0)
    assert scores[there.all(axis=1)].sum(axis=1).max() > 2.5


def test_a_fit_is_the_same_bytes_whatever_ran_before(tmp_path):
    import keras

    train, found = train_split(200), []
    for before in (1, 2):
        keras.utils.set_random_seed(before)
        keras.random.uniform((before,))
        folder = tmp_path / str(before)
        folder.mkdir()
        settings = SETTINGS | {"units": 8, "dropout": 0.3, "epochs": 2}
        multilabel.save(folder, training_multilabel.fit_all(train, rejection_rate=0.1, **settings))
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1]
    assert set(found[0]) == {"multilabel.json", "presence.weights.h5", "presence_naive.weights.h5"}
    assert len(set(found[0].values())) == 3  # the two losses end in two networks


@pytest.mark.parametrize("units", [None, 5])
def test_a_network_comes_back_as_it_was(tmp_path, units):
    network = multilabel.build(WIDTH, 4, units=units, dropout=0.2)
    features = planted(20, seed=0)[0]
    network.get_layer("standardise").adapt(features)
    multilabel.save(tmp_path, {multilabel.PRESENCE: network})
    loaded = multilabel.load(tmp_path)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in network.layers]
    np.testing.assert_array_equal(loaded.predict(features, verbose=0), network.predict(features, verbose=0))


def test_without_one_it_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"there is no second output in .*dvc repro.*dvc pull"):
        multilabel.load(tmp_path / "nothing")


def test_the_threshold_gives_the_best_f1_there_is():
    rng = np.random.default_rng(0)
    known = rng.random((40, 3)) < 0.4
    scores = np.round(rng.random((40, 3)) + known, 1)  # with ties
    limit = evaluation_multilabel.threshold(known, scores)
    reached = evaluation_multilabel.at_threshold(known, scores, limit)["f1"]
    every = {value: metrics.f1_score(known.ravel(), scores.ravel() >= value) for value in np.unique(scores)}
    assert reached == pytest.approx(max(every.values()), abs=1e-6)
    assert limit == min(value for value, f1 in every.items() if f1 == pytest.approx(max(every.values()), abs=1e-12))


def test_a_threshold_divides_as_it_will_when_it_is_read_from_a_file():
    scores = np.array([[0.12345678, 0.2], [0.9, 0.05]], np.float32)
    known = np.array([[True, True], [True, False]])
    limit = evaluation_multilabel.threshold(known, scores)
    assert limit == float(f"{limit:.6f}") == 0.123457  # which is above the score that it comes from
    assert evaluation_multilabel.at_threshold(known, scores, limit)["f1"] == 1


def test_scores_at_a_threshold_by_hand():
    known = np.array([[1, 1, 0], [1, 0, 1]], bool)
    scores = np.array([[0.9, 0.5, 0.6], [0.8, 0.1, 0.4]])
    # Found: both of the first image and one that is not known, and one of the two of the second.
    assert evaluation_multilabel.at_threshold(known, scores, 0.5) == {
        "threshold": 0.5,
        "recall": 0.75,
        "precision": 0.75,
        "f1": 0.75,
        "all_found": 0.5,
    }


def test_nothing_found_is_a_precision_of_0():
    found = evaluation_multilabel.at_threshold(np.array([[True, False]]), np.array([[0.1, 0.2]]), 0.9)
    assert (found["recall"], found["precision"], found["f1"], found["all_found"]) == (0, 0, 0, 0)


def test_average_precision_leaves_out_a_class_that_is_nowhere():
    rng = np.random.default_rng(0)
    known = rng.random((50, 3)) < 0.5
    known[:, 1] = False
    scores = rng.random((50, 3))
    found = evaluation_multilabel.average_precision(known, scores, ("x", "y", "z"))
    expected = {
        name: metrics.average_precision_score(known[:, index], scores[:, index]) for index, name in ((0, "x"), (2, "z"))
    }
    assert found["per_class"] == pytest.approx(expected, abs=1e-6)
    assert found["mean_average_precision"] == pytest.approx(np.mean(list(expected.values())), abs=1e-6)


def test_the_summary_names_every_output():
    composites = {name: {"f1": value} for name, value in (("softmax", 0.7), ("naive", 0.75))}
    line = evaluation_multilabel.format_summary("m", {"composites": composites})
    assert line == "m: two classes found in composites, F1: softmax 0.7000, naive 0.7500"
    truth = {name: {"mean_average_precision": value} for name, value in (("softmax", 0.9), ("naive", 0.8))}
    line = evaluation_multilabel.format_summary("m", {"composites": composites, "ground_truth": truth})
    assert line.endswith("; mean average precision: softmax 0.9000, naive 0.8000")
