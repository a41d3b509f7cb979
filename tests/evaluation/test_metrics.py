"""Scores against scikit-learn and hand-computed values."""

import numpy as np
import pytest
from sklearn import metrics as sk

from scenes.evaluation import abstention, calibration, intervals, metrics
from scenes.models import temperature
from scenes.models.temperature import UNCALIBRATED, Calibration

CLASSES = ("buildings", "forest", "glacier")


def drawn(count=200, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=count)
    probabilities = rng.dirichlet(np.ones(classes), count)
    return labels, probabilities


def classification(labels, probabilities, *, value=1.0, thresholds=None):
    thresholds = {"precision_90": 0.5} if thresholds is None else thresholds
    calibration = UNCALIBRATED if value is None else Calibration(value, True)
    return metrics.classification(labels, probabilities, CLASSES, calibration=calibration, thresholds=thresholds)


def test_scores_are_those_of_scikit_learn():
    labels, probabilities = drawn()
    predicted = probabilities.argmax(axis=1)
    scores = classification(labels, probabilities)
    report = sk.classification_report(labels, predicted, target_names=CLASSES, output_dict=True)
    assert scores["accuracy"] == pytest.approx(report["accuracy"], abs=1e-6)
    assert scores["macro_f1"] == pytest.approx(report["macro avg"]["f1-score"], abs=1e-6)
    assert scores["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(labels, predicted), abs=1e-6)
    recalls = sk.recall_score(labels, predicted, average=None)
    assert scores["min_recall"] == pytest.approx(recalls.min(), abs=1e-6)
    top2 = sk.top_k_accuracy_score(labels, probabilities, k=2)
    assert scores["top2_accuracy"] == pytest.approx(top2, abs=1e-6)
    for name in CLASSES:
        mine = scores["per_class"][name]
        assert mine["precision"] == pytest.approx(report[name]["precision"], abs=1e-6)
        assert mine["recall"] == pytest.approx(report[name]["recall"], abs=1e-6)
        assert mine["f1"] == pytest.approx(report[name]["f1-score"], abs=1e-6)
        assert mine["support"] == report[name]["support"]


def test_scores_by_hand():
    labels = np.array([0, 0, 1, 2])
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]])
    scores = classification(labels, probabilities)
    assert scores["count"] == 4
    assert scores["accuracy"] == 0.5
    assert scores["accuracy_interval"] == {"low": 0.150039, "high": 0.849961}  # Wilson's of 2 in 4
    assert scores["per_class"]["buildings"]["recall_interval"] == {"low": 0.094531, "high": 0.905469}  # of 1 in 2
    assert scores["balanced_accuracy"] == 0.5  # recalls of 1/2, 1 and 0
    assert scores["min_recall"] == 0.0
    assert scores["top2_accuracy"] == 0.5
    assert scores["majority_class_accuracy"] == 0.5
    assert scores["crossentropy"] == pytest.approx(-np.log([0.5, 0.2, 0.8, 0.1]).mean(), abs=1e-6)
    # Squares of what each class's probability is off, summed over the classes.
    assert scores["brier_score"] == pytest.approx((0.38 + 0.98 + 0.06 + 1.26) / 4, abs=1e-6)
    # Bins of 1/15: 0.5 twice in one bin (right once), 0.8 right, 0.6 wrong: (|1 - 1.0| + |1 - 0.8| + |0 - 0.6|) / 4.
    assert scores["calibration"]["ece"] == pytest.approx((0.0 + 0.2 + 0.6) / 4, abs=1e-6)
    assert scores["calibration"]["mce"] == pytest.approx(0.6, abs=1e-6)
    assert scores["most_confused_pairs"] == {"buildings/forest": {"errors": 1}, "buildings/glacier": {"errors": 1}}
    assert scores["merged_pairs"] == {"buildings/forest": {"accuracy": 0.75}, "buildings/glacier": {"accuracy": 0.75}}


def test_two_classes_will_do():
    scores = metrics.classification(
        np.array([0, 1]), np.array([[0.9, 0.1], [0.4, 0.6]]), ("a", "b"), calibration=UNCALIBRATED, thresholds={}
    )
    # The Brier score sums over both classes, as it does over more.
    assert scores["brier_score"] == pytest.approx((2 * 0.01 + 2 * 0.16) / 2)
    assert scores["top2_accuracy"] == 1


def test_calibrated_scores_are_those_of_the_scaled_probabilities():
    labels, probabilities = drawn()
    scores = classification(labels, probabilities, value=2.5)
    raw, scaled = probabilities.astype(np.float64), temperature.scale(probabilities, 2.5)
    found = scores["calibration"]["temperature_scaled"]
    one_hot = np.eye(3)[labels]
    assert set(found) == {"ece", "ece_floor", "mce", "crossentropy", "crossentropy_interval", "brier_score"}
    assert found["crossentropy_interval"]["low"] < found["crossentropy"] < found["crossentropy_interval"]["high"]
    for place, rows in ((scores, raw), (found, scaled)):
        assert place["crossentropy"] == pytest.approx(-np.log(rows[np.arange(200), labels]).mean(), abs=1e-5)
        assert place["brier_score"] == pytest.approx(((rows - one_hot) ** 2).sum(axis=1).mean(), abs=1e-5)
    for place, rows in ((scores["calibration"], raw), (found, scaled)):
        errors = calibration.errors(labels, rows)
        assert {name: place[name] for name in errors} == pytest.approx(errors, abs=1e-5)
    assert scores["calibration"]["temperature"] == 2.5


def test_only_what_is_said_to_be_calibrated_is():
    labels, probabilities = drawn()
    one, other = (classification(labels, probabilities, value=value) for value in (1.0, 2.5))
    for scores in (one, other):
        del scores["abstention"], scores["calibration"]["temperature"], scores["calibration"]["temperature_scaled"]
    assert one == other


def test_coverage_is_of_the_calibrated_confidence():
    labels, probabilities = drawn()
    thresholds = abstention.thresholds(*drawn(seed=1)) | {"half": 0.5}
    scores = classification(labels, probabilities, value=2.5, thresholds=thresholds)
    assert set(scores["abstention"]) == {"precision_90", "precision_95", "precision_99", "half"}
    sure = temperature.scale(probabilities, 2.5).max(axis=1) >= 0.5
    right = (probabilities.argmax(axis=1) == labels)[sure]
    assert scores["abstention"]["half"] == {
        "confidence": 0.5,
        "coverage": pytest.approx(sure.mean(), abs=1e-6),
        "precision": pytest.approx(right.mean(), abs=1e-6),
        "precision_interval": pytest.approx(intervals.share(right.sum(), len(right)), abs=1e-6),
    }


def test_merging_a_pair_is_relabelling_it():
    labels, probabilities = drawn()
    predicted = probabilities.argmax(axis=1)
    scores = classification(labels, probabilities)
    assert len(scores["merged_pairs"]) == 3
    for pair, entry in scores["merged_pairs"].items():
        first, second = (CLASSES.index(name) for name in pair.split("/"))
        merged = [np.where(array == second, first, array) for array in (labels, predicted)]
        assert entry["accuracy"] == pytest.approx(sk.accuracy_score(*merged), abs=1e-6)


def test_a_class_nobody_predicts_and_one_nobody_has_score_0_not_nan():
    scores = classification(np.array([0, 0]), np.array([[0.9, 0.1, 0], [0.2, 0.8, 0]]))
    assert scores["per_class"]["glacier"] == {
        **dict.fromkeys(("precision", "recall", "f1", "support"), 0),
        "recall_interval": None,
    }
    assert scores["balanced_accuracy"] == scores["min_recall"] == 0.5  # of buildings alone
    assert scores["macro_f1"] == pytest.approx(sk.f1_score([0, 0], [0, 1], average="macro"), abs=1e-6)


def test_of_equal_probabilities_the_first_is_the_answer():
    scores = classification(np.array([0, 1, 2]), np.full((3, 3), 1 / 3))
    assert scores["accuracy"] == pytest.approx(1 / 3, abs=1e-6)
    assert scores["top2_accuracy"] == pytest.approx(2 / 3, abs=1e-6)


def test_a_perfect_model_has_no_most_confused_pairs():
    scores = classification(np.arange(3), np.eye(3))
    assert scores["most_confused_pairs"] == scores["merged_pairs"] == {}
    assert scores["accuracy"] == 1


def test_without_calibration_the_summary_says_so():
    scores = classification(*drawn(), value=None, thresholds={"precision_95": 0.6})
    assert (scores["calibration"]["calibrated"], scores["calibration"]["temperature"]) == (0, 1.0)
    assert classification(*drawn())["calibration"]["calibrated"] == 1
    text = metrics.format_summary("m", scores | {"clean": scores, "val": scores})
    assert "not calibrated: 200 validation images show no gain;" in text
    assert "temperature" not in text
    few = metrics.format_summary("m", scores | {"clean": scores, "val": scores | {"count": 49}})
    assert "not calibrated: 49 validation images, fewer than the 50 that a temperature needs;" in few


def test_the_worst_class_is_one_that_occurs_and_of_equals_the_first():
    per_class = {
        name: {"recall": recall, "support": support}
        for name, recall, support in (("d", 0.0, 0), ("c", 0.5, 2), ("b", 0.5, 9), ("a", 0.9, 9))
    }
    assert metrics.worst_class(per_class) == ("b", {"recall": 0.5, "support": 9})


def test_a_thousand_classes_are_scored_at_once():
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(2000) % 1000)
    probabilities = rng.dirichlet(np.full(1000, 0.1), 2000)
    probabilities[np.arange(2000), labels] += rng.integers(2, size=2000)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    classes = [f"class {index:03}" for index in range(1000)]
    calibration = Calibration(1.1, True)
    scores = metrics.classification(
        labels, probabilities, classes, calibration=calibration, thresholds={"precision_95": 0.9}
    )
    predicted = probabilities.argmax(axis=1)
    assert scores["accuracy"] == pytest.approx((predicted == labels).mean(), abs=1e-6)
    assert scores["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(labels, predicted), abs=1e-6)
    assert len(scores["per_class"]) == 1000
    assert len(scores["most_confused_pairs"]) == 3
    assert len(metrics.format_summary("m", scores | {"clean": scores, "val": scores})) < 1000


def test_most_confused_pairs_count_both_directions_and_are_sorted():
    matrix = np.array([[5, 2, 0], [3, 5, 1], [0, 4, 5]])
    assert metrics.most_confused_pairs(matrix, CLASSES) == [(5, "buildings", "forest"), (5, "forest", "glacier")]


def test_only_plain_numbers_come_out():
    def numbers(value):
        return all(map(numbers, value.values())) if isinstance(value, dict) else type(value) in (int, float)

    assert numbers(classification(*drawn()))


@pytest.mark.parametrize(
    ("threshold", "says"),
    [
        (0.5, "95 % promised from a confidence of 0.5000: 65.0% of images answered, 0.3692 ["),
        (0.9999, "95 % promised from a confidence of 0.9999: 0.0% of images answered"),
        (None, "no threshold: 200 validation images do not prove 95 % at any confidence"),
    ],
)
def test_the_summary_says_the_main_things(threshold, says):
    scores = classification(*drawn(), value=1.25, thresholds={"precision_95": threshold})
    first, worst, second, third = metrics.format_summary("m", scores | {"clean": scores, "val": scores}).splitlines()
    assert f"test accuracy {scores['accuracy']:.4f} [{scores['accuracy_interval']['low']:.4f}, " in first
    name = min(CLASSES, key=lambda name: scores["per_class"][name]["recall"])
    entry = scores["per_class"][name]
    assert f"; worst class: {name}, recall {entry['recall']:.4f} [" in worst
    assert worst.endswith(f"] on {entry['support']} images")
    scaled = scores["calibration"]["temperature_scaled"]
    assert f"{scores['calibration']['ece']:.4f}, with temperature 1.250 {scaled['ece']:.4f}" in second
    assert f"({scaled['ece_floor']:.4f} of a perfectly calibrated model on as many images)" in second
    assert says in second
    assert all(f"{pair} ({entry['errors']};" in third for pair, entry in scores["most_confused_pairs"].items())


def test_headlines_are_a_few_of_the_scores():
    labels, probabilities = drawn()
    test, val = classification(labels, probabilities), classification(labels[::2], probabilities[::2], value=2.0)
    found = metrics.headlines({**test, "val": val})
    assert found == {
        "val_accuracy": val["accuracy"],
        "val_crossentropy": val["calibration"]["temperature_scaled"]["crossentropy"],
        "test_accuracy": test["accuracy"],
        "test_accuracy_low": test["accuracy_interval"]["low"],
        "test_accuracy_high": test["accuracy_interval"]["high"],
    }
    assert found["val_crossentropy"] != val["crossentropy"]
    assert found["val_accuracy"] != found["test_accuracy"]
