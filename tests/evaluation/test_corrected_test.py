"""The accuracy on corrected test labels."""

import numpy as np
import pandas as pd

from scenes.dataset.corrections import COLUMNS
from scenes.evaluation import corrected_test, intervals
from scenes.evaluation.inference import Predictions
from scenes.models.temperature import Calibration

CLASSES = ("lake", "moor", "wood")
# Of six images, the labels 0, 0, 0, 1, 1, 2 and the answers 0, 0, 1, 1, 2, 2.
TEST = Predictions(
    key=np.array([f"test/{number}" for number in range(6)]),
    label=np.array([0, 0, 0, 1, 1, 2]),
    uncalibrated=np.eye(3)[[0, 0, 1, 1, 2, 2]] * 0.7 + 0.1,
    calibration=Calibration(1.0, True),
    classes=CLASSES,
)


def corrected(**labels: str) -> pd.DataFrame:
    rows = [(f"test/{name[1:]}", label, "") for name, label in labels.items()]
    return pd.DataFrame([*rows, ("train/1", "drop", "")], columns=COLUMNS)


def test_corrected_labels_count_and_dropped_images_do_not():
    (scores,) = corrected_test.scores(TEST, corrected(n2="moor", n0="wood", n4="drop", n5="wood")).values()
    expected = {name: round(value, 6) for name, value in intervals.share(4, 5).items()}
    assert scores == {"count": 5, "corrected": 2, "dropped": 1, "accuracy": 0.8, "accuracy_interval": expected}
    (line,) = corrected_test.format_summary("cnn", {"corrected_test": scores})
    said = f"[{expected['low']:.4f}, {expected['high']:.4f}] on corrected test labels (2 relabelled, 1 left out)"
    assert line == f"cnn: accuracy 0.8000 {said}"


def test_a_class_that_the_model_does_not_know_is_never_right():
    (scores,) = corrected_test.scores(TEST, corrected(n0="owl")).values()
    assert (scores["count"], scores["accuracy"]) == (6, round(3 / 6, 6))


def test_without_a_corrected_test_image_there_is_nothing():
    assert corrected_test.scores(TEST, corrected()) == {}
    assert corrected_test.format_summary("cnn", {}) == []
    assert corrected_test.scores(TEST, corrected(n0="lake")) == {}
    assert corrected_test.scores(TEST, corrected(**{f"n{number}": "drop" for number in range(6)})) == {}
