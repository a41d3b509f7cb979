"""Pictures that explain a model: how it learned, its errors, its least sure answers, and Grad-CAM heat maps."""

from pathlib import Path

import numpy as np

from scenes.common.files import atomic_dir
from scenes.dataset import records, selected_images
from scenes.evaluation.gradcam import compiled, heat_maps
from scenes.evaluation.inference import Predictions
from scenes.models import store
from scenes.plots import curves, galleries, gradcam, style

FOLDERS = ("curves", "examples")  # of training_curves.png; of errors.png, uncertain.png and gradcam.png

_HISTORY = {"cnn": "curves.tsv", "linear": "validation_curve.tsv"}  # of a training, by the kind of model


def write(folder: str | Path, model: str | Path, data: str | Path, test: Predictions, *, title: str) -> None:
    """Write ``FOLDERS`` into ``folder``, all or none; other files in it stay.

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
    with atomic_dir(*(folder / name for name in FOLDERS)) as (drawn, pictures):
        curves.plot(drawn / "training_curves.png", history, title=title)
        style.save(galleries.predictions_figure(errors, shown, title=errors_title), pictures / "errors.png")
        style.save(galleries.predictions_figure(unsure, shown, title=unsure_title), pictures / "uncertain.png")
        style.save(gradcam.figure(explained, shown, heats, title=heats_title), pictures / "gradcam.png")
