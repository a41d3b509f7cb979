"""The pictures that explain a model: all of them, of a model that is wrong half of the time, and the same twice."""

import numpy as np
import pandas as pd
import pytest

from scenes.evaluation.inference import Predictions
from scenes.models.temperature import Calibration
from scenes.plots import explanation
from scenes.training.curves import TABLES
from tests.helpers import model_folders, small_records

FILES = [
    "curves/training_curves.png",
    *(f"examples/{name}.png" for name in ("errors", "gradcam", "uncertain")),
    "training/curves.tsv",
]


@pytest.mark.usefixtures("deterministic")
def test_all_pictures_are_drawn_and_the_same_twice(tmp_path):
    images, plots = small_records.SPLITS["val"], tmp_path / "plots"
    for folder in ("data", "plots/training", "plots/examples"):
        (tmp_path / folder).mkdir(parents=True)
    (plots / "examples" / "of-an-earlier-run.png").touch()
    small_records.write(tmp_path / "data/records", {"test": images})
    model_folders.save_cnn(tmp_path / "model")
    history = pd.DataFrame({"epoch": [1, 2], **{name: [0.5, 0.6] for name in TABLES["curves"]}})
    history.to_csv(plots / "training/curves.tsv", sep="\t", index=False)
    keys, labels = (np.array(column) for column in zip(*images, strict=True))
    label = np.searchsorted(small_records.CLASSES, labels)
    probabilities = np.tile([0.4, 0.6], (len(keys), 1))
    test = Predictions(keys, label, probabilities, Calibration(2.0, True), small_records.CLASSES)
    drawn = []
    for _ in range(2):
        explanation.write(plots, tmp_path / "model", tmp_path / "data", test, title="baseline")
        drawn.append({path.relative_to(plots).as_posix(): path.read_bytes() for path in plots.glob("*/*")})
    assert sorted(drawn[0]) == FILES
    assert drawn[0] == drawn[1]
