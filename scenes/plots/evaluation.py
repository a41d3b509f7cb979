"""The evaluation of a model on the test images: its tables for DVC to plot, its pictures, and those that explain it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scenes.common import unused
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.tables import write_csv
from scenes.dataset import records, selected_images
from scenes.evaluation import inference
from scenes.evaluation.calibration import reliability_table
from scenes.evaluation.gradcam import compiled, heat_maps
from scenes.evaluation.inference import Predictions
from scenes.models import store
from scenes.plots import confusion, curves, galleries, gradcam, per_class, reliability, style

TABLES = {
    "predictions.csv": inference.COLUMNS,
    "reliability.csv": reliability.COLUMNS,
    "per_class.csv": per_class.COLUMNS,
}
PICTURES = "scores"  # the folder of confusion_matrix.png, reliability.png and per_class.png
EXPLANATIONS = ("curves", "examples")  # of training_curves.png; of errors.png, uncertain.png and gradcam.png
_HISTORY = {"cnn": "curves.tsv", "linear": "validation_curve.tsv"}  # of a training, by the kind of model


def write(
    folder: str | Path, test: Predictions, per_class_scores: Mapping[str, Mapping[str, float]], *, title: str
) -> None:
    """Write ``TABLES`` and ``PICTURES`` into ``folder``, all or none; other files in it stay.

    Args:
        test: predictions on the test images.
        per_class_scores: see ``scenes.evaluation.metrics.classification``.
        title: of the pictures, the name of the model.
    """
    diagrams = {"not calibrated": reliability_table(test.label, test.uncalibrated)}
    if test.calibration.calibrated:
        diagrams = {
            "before temperature scaling": diagrams["not calibrated"],
            "after": reliability_table(test.label, test.probabilities),
        }
    folder = Path(folder)
    with atomic_write(*(folder / name for name in TABLES)) as files, atomic_dir(folder / PICTURES) as pictures:
        predictions, reliability_csv, per_class_csv = files
        write_csv(predictions, test.table())
        confusion.plot(pictures / "confusion_matrix.png", test.label, test.predicted, test.classes, title=title)
        reliability.write(reliability_csv, diagrams)
        reliability.plot(pictures / "reliability.png", diagrams, title=title)
        per_class.write(per_class_csv, per_class_scores)
        per_class.plot(pictures / "per_class.png", per_class_scores, title=title)


def explain(folder: str | Path, model: str | Path, data: str | Path, test: Predictions, *, title: str) -> None:
    """Write ``EXPLANATIONS`` into ``folder``, all or none; other files in it stay.

    They show how the model learned, its errors, its least sure answers, and Grad-CAM heat maps.

    Args:
        folder: of the model's plots, with ``training/``, the table that ``scenes.plots.curves.plot`` draws.
        model: the folder of the model, see ``scenes.models.store``.
        data: the folder that contains ``records`` and what the model learned from.
        test: the model's predictions on the test images.
        title: of the pictures, the name of the model.
    """
    import pandas as pd

    folder, predictions = Path(folder), test.table()
    errors, unsure = galleries.most_confident_errors(predictions), galleries.least_confident(predictions)
    explained = gradcam.select_examples(predictions)
    images = records.open_records(Path(data) / "records", "test")
    shown = selected_images.read_selected(images, {*errors["key"], *unsure["key"], *explained["key"]})
    pixels = np.stack([shown[key] for key in explained["key"]])
    targets = np.array([images.classes.index(predicted) for predicted in explained["predicted"]])
    maps = heat_maps(compiled(store.load(model, data), images.image_shape), pixels, targets)
    heats = dict(zip(explained["key"], maps, strict=True))
    count = int((predictions["actual"] != predictions["predicted"]).sum())
    how = "" if test.calibration.calibrated else " (confidence not calibrated)"
    found = f"{count:,} errors in {len(predictions):,} test images"
    errors_title = f"{title}: the {len(errors)} most confident of {found}{how}"
    unsure_title = f"{title}: the {len(unsure)} least confident predictions on test images{how}"
    heats_title = f"{title}: Grad-CAM, the brighter an area, the more it supports the predicted class"
    history = pd.read_csv(folder / "training" / _HISTORY[store.describe(model)["kind"]], sep="\t")
    with atomic_dir(*(folder / name for name in EXPLANATIONS)) as (drawn, pictures):
        curves.plot(drawn / "training_curves.png", history, title=title)
        style.save(galleries.predictions_figure(errors, shown, title=errors_title), pictures / "errors.png")
        style.save(galleries.predictions_figure(unsure, shown, title=unsure_title), pictures / "uncertain.png")
        style.save(gradcam.figure(explained, shown, heats, title=heats_title), pictures / "gradcam.png")


def write_unused(folder: str | Path) -> None:
    """Write ``TABLES`` without rows and all folders with a mark, for a model that is not trained in this profile."""
    folder = Path(folder)
    with atomic_write(*(folder / name for name in TABLES)) as files:
        for file, columns in zip(files, TABLES.values(), strict=True):
            unused.write_header(file, columns)
        unused.mark(*(folder / name for name in (PICTURES, *EXPLANATIONS)))
