"""What `evaluate` writes for a model: all files, and no second diagram where nothing was calibrated."""

import numpy as np
import pandas as pd
import pytest

from scenes.evaluation import metrics
from scenes.evaluation.inference import Predictions
from scenes.models.temperature import UNCALIBRATED, Calibration
from scenes.plots import evaluation

CLASSES = ("cat", "dog")


def predictions(calibration: Calibration) -> Predictions:
    label = np.arange(12) % 2
    probabilities = np.where(np.arange(12) < 9, 0.8, 0.3)[:, None]
    rows = np.where(np.eye(2)[label] == 1, probabilities, 1 - probabilities)
    return Predictions(np.array([f"{n}.jpg" for n in range(12)]), label, rows, calibration, CLASSES)


@pytest.mark.parametrize(
    ("calibration", "diagrams"),
    [(Calibration(2.0, True), ["before temperature scaling", "after"]), (UNCALIBRATED, ["not calibrated"])],
)
def test_all_files_are_written_with_the_diagrams_that_there_are(calibration, diagrams, tmp_path):
    test = predictions(calibration)
    per_class = metrics.classification(test.label, test.uncalibrated, CLASSES, calibration=calibration, thresholds={})[
        "per_class"
    ]
    evaluation.write(tmp_path, test, per_class, title="baseline")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(evaluation.FILES)
    table = pd.read_csv(tmp_path / "reliability.csv")
    assert list(table["diagram"].unique()) == diagrams
    assert table["count"].sum() == 12 * len(diagrams)
