"""What `evaluate` draws for a model: all files, and no second diagram where nothing was calibrated."""

import numpy as np
import pandas as pd
import pytest

from scenes.evaluation import metrics
from scenes.evaluation.inference import Predictions
from scenes.models.temperature import UNCALIBRATED, Calibration
from scenes.plots import evaluation
from scenes.training.curves import TABLES as HISTORIES
from tests.helpers import model_folders, small_records
from tests.helpers.stage import written

CLASSES = ("cat", "dog")
TABLES = ["per_class.csv", "predictions.csv", "reliability.csv"]
FILES = sorted([*TABLES, *(f"scores/{name}.png" for name in ("confusion_matrix", "per_class", "reliability"))])
EXPLAINED = [
    "curves/training_curves.png",
    *(f"examples/{name}.png" for name in ("errors", "gradcam", "uncertain")),
    "training/curves.tsv",
]


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
    assert written(tmp_path) == FILES
    table = pd.read_csv(tmp_path / "reliability.csv")
    assert list(table["diagram"].unique()) == diagrams
    assert table["count"].sum() == 12 * len(diagrams)


def test_an_unused_model_has_the_same_tables_without_rows(tmp_path):
    used, without = tmp_path / "used", tmp_path / "unused"
    test = predictions(UNCALIBRATED)
    per_class = metrics.classification(test.label, test.uncalibrated, CLASSES, calibration=UNCALIBRATED, thresholds={})[
        "per_class"
    ]
    evaluation.write(used, test, per_class, title="baseline")
    evaluation.write(without, test, per_class, title="baseline")  # of an earlier run
    evaluation.write_unused(without)
    marks = [f"{folder}/unused.csv" for folder in ("curves", "examples", "scores")]
    assert written(without) == sorted([*TABLES, *marks])
    for name in TABLES:
        full, empty = pd.read_csv(used / name), pd.read_csv(without / name)
        assert list(empty) == list(full)
        assert len(empty) == 0 < len(full)


@pytest.mark.usefixtures("deterministic")
def test_all_pictures_that_explain_a_model_are_drawn_and_the_same_twice(tmp_path):
    images, plots = small_records.SPLITS["val"], tmp_path / "plots"
    for folder in ("data", "plots/training", "plots/examples"):
        (tmp_path / folder).mkdir(parents=True)
    (plots / "examples" / "of-an-earlier-run.png").touch()
    small_records.write(tmp_path / "data/records", {"test": images})
    model_folders.save_cnn(tmp_path / "model")
    history = pd.DataFrame({"epoch": [1, 2], **{name: [0.5, 0.6] for name in HISTORIES["curves"]}})
    history.to_csv(plots / "training/curves.tsv", sep="\t", index=False)
    keys, labels = (np.array(column) for column in zip(*images, strict=True))
    label = np.searchsorted(small_records.CLASSES, labels)
    probabilities = np.tile([0.4, 0.6], (len(keys), 1))
    test = Predictions(keys, label, probabilities, Calibration(2.0, True), small_records.CLASSES)
    drawn = []
    for _ in range(2):
        evaluation.explain(plots, tmp_path / "model", tmp_path / "data", test, title="baseline")
        drawn.append({path.relative_to(plots).as_posix(): path.read_bytes() for path in plots.glob("*/*")})
    assert sorted(drawn[0]) == EXPLAINED
    assert drawn[0] == drawn[1]
