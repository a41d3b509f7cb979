"""Plot how a model learned, its errors, and its heat maps: ``python -m stages.explain <model>``."""

import sys
from pathlib import Path

import numpy as np

from scenes.common import unused
from scenes.common.files import atomic_dir
from scenes.common.runtime import configure
from scenes.common.tables import read_csv
from scenes.config.params import read
from scenes.dataset import records, selected_images
from scenes.evaluation.gradcam import compiled, heat_maps
from scenes.models import store
from scenes.plots import curves, galleries, gradcam, style
from stages import checked_stage

DATA = Path("data")
MODELS = Path("models")
PLOTS = Path("plots")
CURVES = {"cnn": "curves.tsv", "linear": "validation_curve.tsv"}


def main(name: str) -> None:
    params = read()
    folder, plots = MODELS / name, PLOTS / name
    if unused.is_unused(folder):
        unused.mark(plots / "curves", plots / "examples")
        print(f"{name} is not enabled in this profile")
        return
    import pandas as pd  # after the return: its import takes longer than all of the above

    configure(seed=0, threads=params.threads)  # nothing here is random
    description = store.describe(folder)
    history = pd.read_csv(plots / "training" / CURVES[description["kind"]], sep="\t")
    predictions = read_csv(plots / "predictions.csv").astype({"confidence": float})
    errors, unsure = galleries.most_confident_errors(predictions), galleries.least_confident(predictions)
    explained = gradcam.select_examples(predictions)
    test = records.open_records(DATA / "records", "test")
    images = selected_images.read_selected(test, {*errors["key"], *unsure["key"], *explained["key"]})
    pixels = np.stack([images[key] for key in explained["key"]])
    targets = np.array([test.classes.index(predicted) for predicted in explained["predicted"]])
    maps = heat_maps(compiled(store.load(folder, DATA), test.image_shape), pixels, targets)
    heats = dict(zip(explained["key"], maps, strict=True))
    count = int((predictions["actual"] != predictions["predicted"]).sum())
    how = "" if description["calibrated"] else " (confidence not calibrated)"
    with atomic_dir(plots / "curves", plots / "examples") as (drawn, pictures):
        curves.plot(drawn / "training_curves.png", history, title=name)
        title = f"{name}: the {len(errors)} most confident of {count:,} errors in {len(predictions):,} test images{how}"
        style.save(galleries.predictions_figure(errors, images, title=title), pictures / "errors.png")
        title = f"{name}: the {len(unsure)} least confident predictions on test images{how}"
        style.save(galleries.predictions_figure(unsure, images, title=title), pictures / "uncertain.png")
        title = f"{name}: Grad-CAM, the brighter an area, the more it supports the predicted class"
        style.save(gradcam.figure(explained, images, heats, title=title), pictures / "gradcam.png")


if __name__ == "__main__":
    with checked_stage("explain"):
        main(sys.argv[1])
