"""Plot how a model learned, its errors, and its heat maps: ``python -m stages.explain <model>``."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from scenes.common.files import atomic_write
from scenes.common.runtime import configure
from scenes.common.tables import read_csv
from scenes.config.params import read
from scenes.dataset import records, selected_images
from scenes.evaluation.gradcam import compiled, heat_maps
from scenes.models import store
from scenes.plots import curves, galleries, gradcam, style
from stages import checked_stage

DATA = Path("data")
RECORDS = "data/records"
MODELS = Path("models")
PLOTS = Path("plots")
PICTURES = "training_curves.png", "errors.png", "uncertain.png", "gradcam.png"


def main(name: str) -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing here is random
    plots = PLOTS / name
    history = pd.read_csv(plots / "training" / "curves.tsv", sep="\t")
    predictions = read_csv(plots / "predictions.csv").astype({"confidence": float})
    errors = galleries.most_confident_errors(predictions)
    unsure = galleries.least_confident(predictions)
    explained = gradcam.select_examples(predictions)

    test = records.open_records(RECORDS, "test")
    images = selected_images.read_selected(test, {*errors["key"], *unsure["key"], *explained["key"]})
    maps = heat_maps(
        compiled(store.load(MODELS / name, DATA), test.image_shape),
        np.stack([images[key] for key in explained["key"]]),
        np.array([test.classes.index(predicted) for predicted in explained["predicted"]]),
    )
    heats = dict(zip(explained["key"], maps, strict=True))

    count = int((predictions["actual"] != predictions["predicted"]).sum())
    how = "" if store.describe(MODELS / name)["calibrated"] else " (confidence not calibrated)"
    with atomic_write(*(plots / picture for picture in PICTURES)) as files:
        curves_file, errors_file, unsure_file, gradcam_file = files
        curves.plot(curves_file, history, title=name)
        title = f"{name}: the {len(errors)} most confident of {count:,} errors in {len(predictions):,} test images{how}"
        style.save(galleries.predictions_figure(errors, images, title=title), errors_file)
        title = f"{name}: the {len(unsure)} least confident predictions on test images{how}"
        style.save(galleries.predictions_figure(unsure, images, title=title), unsure_file)
        title = f"{name}: Grad-CAM, the brighter an area, the more it supports the predicted class"
        style.save(gradcam.figure(explained, images, heats, title=title), gradcam_file)


if __name__ == "__main__":
    with checked_stage("explain"):
        main(sys.argv[1])
