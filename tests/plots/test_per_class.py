"""Precision and recall of each class: every value is drawn and written."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scenes.evaluation import metrics
from scenes.models.temperature import UNCALIBRATED
from scenes.plots import per_class
from tests.helpers.pictures import assert_same_and_whole

CLASSES = ("buildings", "forest", "a class with a rather long name")
LABELS = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.eye(3)[[0, 0, 1, 1, 1, 0]] * 0.7 + 0.1
PER_CLASS = metrics.classification(LABELS, PROBABILITIES, CLASSES, calibration=UNCALIBRATED, thresholds={})["per_class"]


def test_the_same_bars_every_time_and_whole(tmp_path):
    assert_same_and_whole(lambda path: per_class.plot(path, PER_CLASS, title="baseline"), tmp_path)


def test_the_table_has_a_row_a_class_in_the_order_of_the_classes(tmp_path):
    per_class.write(tmp_path / "a.csv", PER_CLASS)
    assert (
        (tmp_path / "a.csv").read_bytes().startswith(b"class,precision,recall,f1,support\nbuildings,0.666667,0.666667,")
    )
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table["class"]) == list(CLASSES)
    assert list(table["recall"]) == [0.666667, 1.0, 0.0]
    assert list(table["support"]) == [3, 2, 1]


def scores_of(count: int) -> dict:
    """Classes whose recall falls with their number; the last one has no test image."""
    return {
        f"class with a rather long name, number {number:03d}": {
            "precision": 0.9,
            "recall": 1 - number / count if number < count - 1 else 0.0,
            "f1": 0.5,
            "support": int(number < count - 1),
        }
        for number in range(count)
    }


def test_of_many_classes_the_worst_are_drawn_and_all_are_written(tmp_path):
    scores = scores_of(1000)
    per_class.write(tmp_path / "a.csv", scores)
    assert len(pd.read_csv(tmp_path / "a.csv")) == 1000
    assert_same_and_whole(lambda path: per_class.plot(path, scores, title="baseline"), tmp_path)
    with Image.open(tmp_path / "a.png") as image:
        assert max(image.size) < 2500


@pytest.mark.parametrize("count", [2, 30, 31, 1000])
def test_the_worst_are_those_of_the_lowest_recall(count):
    scores = scores_of(count)
    shown = per_class.worst(scores)
    if count <= 30:
        assert shown == list(scores)
    else:
        assert shown == list(scores)[-2:-32:-1]  # not the one without test images


def test_a_bar_a_value(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(per_class.style, "save", lambda figure, path: figures.append(figure))
    per_class.plot(tmp_path / "a.png", PER_CLASS, title="t")
    (axes,) = figures[0].axes
    drawn = [[bar.get_width() for bar in container] for container in axes.containers]
    assert drawn == [[scores[name] for scores in PER_CLASS.values()] for name in ("precision", "recall")]
    assert axes.get_xlim() == (0, 1)
