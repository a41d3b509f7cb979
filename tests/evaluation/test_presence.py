"""Presence: the scaling of each class and the scores, against scikit-learn and a Platt scaling by SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize
from scipy.special import expit, softmax
from sklearn.metrics import average_precision_score, f1_score

from scenes.common.stratified import StratifiedSample
from scenes.evaluation import presence
from scenes.evaluation.inference import Predictions
from scenes.evaluation.presence import BEYOND_THE_LABEL, MIN_KNOWN, PresenceCalibration
from scenes.models.temperature import Calibration

CLASSES = ("lake", "moor", "wood")


def drawn(images: int = 200, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities, labels and what images contain, all known: each its label and some other classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % classes
    contained = np.eye(classes)[labels]
    contained[rng.random(contained.shape) < 0.2] = 1.0
    logits = 3 * contained + 2 * np.eye(classes)[labels] + rng.normal(size=contained.shape)
    return softmax(logits, axis=1), labels, contained


def platt(scores: np.ndarray, present: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept by minimising the penalised crossentropy of Platt's targets."""
    positive = np.count_nonzero(present)
    target = np.where(present, (positive + 1) / (positive + 2), 1 / (len(present) - positive + 2))

    def loss(parameters):
        log_odds = parameters[0] * scores + parameters[1]
        return np.sum(np.logaddexp(0, log_odds) - target * log_odds) + parameters[0] ** 2 / 2

    return tuple(minimize(loss, [1.0, 0.0], tol=1e-9).x)


def test_each_class_that_is_known_has_the_scaling_of_its_images():
    probabilities, labels, contained = drawn()
    contained[:40] = np.nan
    found = presence.fit(probabilities, labels, contained)
    scores = np.log(probabilities) - np.log(probabilities).mean(axis=1, keepdims=True)
    expected = [platt(scores[40:, index], contained[40:, index] == 1) for index in range(3)]
    np.testing.assert_allclose(np.transpose(found), expected, atol=2e-3)
    assert len(set(found.slope)) == 3


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_class_of_which_too_few_are_known_has_the_scaling_of_the_labels(value):
    """Too few images contain the class, or too few do not; the others are not touched by that."""
    probabilities, labels, contained = drawn()
    contained[:, 1] = 1 - value
    contained[: MIN_KNOWN - 1, 1] = value
    whole = presence.fit(probabilities, labels, drawn()[2])
    found = presence.fit(probabilities, labels, contained)
    scores, known = presence.log_ratios(probabilities), np.eye(3, dtype=bool)[labels]
    slope, intercept = platt(scores.ravel(), known.ravel())
    assert (found.slope[1], found.intercept[1]) == pytest.approx((slope, intercept + BEYOND_THE_LABEL), abs=2e-3)
    for index in (0, 2):
        assert (found.slope[index], found.intercept[index]) == (whole.slope[index], whole.intercept[index])
    contained[MIN_KNOWN - 1, 1] = value
    one_more = presence.fit(probabilities, labels, contained)
    assert one_more.slope[1] != found.slope[1]


def test_without_images_that_are_known_all_classes_have_one_scaling():
    probabilities, labels, contained = drawn()
    found = presence.fit(probabilities, labels, np.full_like(contained, np.nan))
    assert len(set(found.slope)) == len(set(found.intercept)) == 1
    # Images contain more than their label says.
    assert (found.presence(probabilities) >= 0.5).sum() > len(labels)


def test_a_class_without_validation_images_has_the_scaling_of_the_labels():
    probabilities, labels, contained = drawn()
    rest = labels != 2
    found = presence.fit(probabilities[rest], labels[rest], np.full_like(contained, np.nan)[rest])
    assert found.slope[2] == found.slope[0] > 0


def test_of_many_images_a_sample_gives_the_scaling_of_the_labels(monkeypatch):
    probabilities, labels, contained = drawn()
    unknown = np.full_like(contained, np.nan)
    rows = StratifiedSample(np.bincount(labels), 60).mask(labels)
    expected = presence.fit(probabilities[rows], labels[rows], unknown[rows])
    assert presence.fit(probabilities, labels, unknown) != expected
    monkeypatch.setattr(presence, "_SCORES", 180)  # of three classes
    assert presence.fit(probabilities, labels, unknown) == expected


def test_presence_is_a_probability():
    """Of images that it was not fitted on, as large a share contains a class as it says."""
    probabilities, labels, contained = drawn(2000)
    calibration = presence.fit(probabilities, labels, contained)
    new, _, truth = drawn(2000, seed=1)
    said = calibration.presence(new)
    for low, high in ((0.1, 0.4), (0.6, 0.9)):
        some = (said > low) & (said < high)
        assert truth[some].mean() == pytest.approx(said[some].mean(), abs=0.1)


def test_the_scores_are_those_of_scikit_learn():
    probabilities, _, contained = drawn(300, seed=2)
    calibration = presence.fit(*drawn())
    contained[::7, 0] = np.nan
    found = presence.evaluate(probabilities, contained, calibration, CLASSES)
    said, known = calibration.presence(probabilities), ~np.isnan(contained)
    for index, name in enumerate(CLASSES):
        truth, scores = contained[known[:, index], index], said[known[:, index], index]
        entry = found["per_class"][name]
        assert entry["images"] == truth.sum()
        assert entry["average_precision"] == pytest.approx(average_precision_score(truth, scores), abs=1e-6)
        assert entry["f1"] == pytest.approx(f1_score(truth, scores >= 0.5), abs=1e-6)
        precision, recall = entry["precision"], entry["recall"]
        assert entry["f1"] == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-5)
    means = {key: np.mean([each[key] for each in found["per_class"].values()]) for key in ("average_precision", "f1")}
    assert found["macro_f1"] == pytest.approx(means["f1"], abs=1e-6)
    assert found["mean_average_precision"] == pytest.approx(means["average_precision"], abs=1e-6)
    softmax_scores = [
        average_precision_score(contained[some, index], probabilities[some, index])
        for index, some in enumerate(known.T)
    ]
    assert found["softmax_mean_average_precision"] == pytest.approx(np.mean(softmax_scores), abs=1e-6)
    assert found["images"] == 300
    assert presence.format_summary("m", found).startswith("m: what 300 test images contain, all classes: F1 0.")


def test_a_class_that_no_image_or_every_image_contains_is_left_out():
    probabilities, _, contained = drawn()
    contained[:, 0], contained[:, 2] = 0, 1
    contained[:10] = np.nan
    found = presence.evaluate(probabilities, contained, presence.fit(*drawn()), CLASSES)
    assert list(found["per_class"]) == ["moor"]
    assert found["macro_f1"] == found["per_class"]["moor"]["f1"]
    assert found["images"] == 190


def test_where_nothing_is_known_there_are_no_scores():
    probabilities, _, contained = drawn()
    found = presence.evaluate(probabilities, np.full_like(contained, np.nan), presence.fit(*drawn()), CLASSES)
    assert found == {}
    assert presence.format_summary("m", found).startswith("m: what photos contain is not known")


def test_two_classes_are_scaled_and_scored():
    probabilities, labels, contained = drawn(classes=2)
    calibration = presence.fit(probabilities, labels, contained)
    found = presence.evaluate(probabilities, contained, calibration, CLASSES[:2])
    assert list(found["per_class"]) == ["lake", "moor"]
    assert found["mean_average_precision"] == found["softmax_mean_average_precision"]


def test_validation_images_fit_and_test_images_score():
    def predictions(split: str, seed: int) -> tuple[Predictions, np.ndarray]:
        probabilities, labels, contained = drawn(seed=seed)
        keys = np.array([f"{split}/{index}.jpg" for index in range(len(labels))])
        return Predictions(keys, labels, probabilities, Calibration(1.0, True), CLASSES), contained

    (val, in_val), (test, in_test) = predictions("val", 0), predictions("test", 1)
    known = dict(zip(val.key, in_val, strict=True)) | dict(zip(test.key[50:], in_test[50:], strict=True))
    calibration, scores = presence.judge(val, test, known)
    assert calibration == presence.fit(val.probabilities, val.label, in_val)
    assert presence.judge(val, test, known) == (calibration, scores)
    assert scores == presence.evaluate(test.probabilities[50:], in_test[50:], calibration, CLASSES)
    assert scores["images"] == 150
    others = {key: 1 - value for key, value in known.items() if key.startswith("test")}
    assert presence.judge(val, test, known | others)[0] == calibration


def test_certain_answers_stay_finite():
    calibration = PresenceCalibration([1.0, 0.5], [0.0, 1.0])
    found = calibration.presence(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32))
    assert np.isfinite(found).all()
    assert found.dtype == np.float64
    assert found[0, 0] > found[1, 0]


@given(
    arrays(float, (12, 4), elements=st.floats(-8, 8)),
    arrays(float, 4, elements=st.floats(0.1, 3)),
    arrays(float, 4, elements=st.floats(-4, 4)),
)
def test_presence_is_the_scaled_log_ratio_and_at_least_the_probability(logits, slope, intercept):
    calibration = PresenceCalibration(slope.tolist(), intercept.tolist())
    probabilities = softmax(logits, axis=1)
    ratios, found = presence.log_ratios(probabilities), calibration.presence(probabilities)
    np.testing.assert_allclose(ratios.sum(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(ratios, logits - logits.mean(axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(found, np.maximum(expit(slope * ratios + intercept), probabilities))
