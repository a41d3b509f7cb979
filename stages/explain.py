"""Pictures of how a model learned, where it errs and what it looks at: ``python -m stages.explain <model>``."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from scenes import curves_plot, gallery, gradcam, model, records, selected_images, style
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import read

PICTURES = "training_curves.png", "errors.png", "uncertain.png", "gradcam.png"


def main(name: str) -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn at random here
    plots = Path("plots") / name
    curves = pd.read_csv(plots / "training" / "curves.tsv", sep="\t")
    predictions = pd.read_csv(
        # A class may be called NA or 007.
        plots / "predictions.csv",
        dtype={"key": str, "actual": str, "predicted": str},
        keep_default_na=False,
    )
    wrong = gallery.most_confident_errors(predictions)
    unsure = gallery.least_confident(predictions)
    looked_at = gradcam.examples(predictions)

    test = records.open_records("data/records", "test")
    images = selected_images.read(test, {*wrong["key"], *unsure["key"], *looked_at["key"]})
    heats = gradcam.heat_maps(
        gradcam.compiled(model.load(Path("models") / name, "data"), test.image_shape),
        np.stack([images[key] for key in looked_at["key"]]),
        np.array([test.classes.index(said) for said in looked_at["predicted"]]),
    )
    heats = dict(zip(looked_at["key"], heats, strict=True))

    errors = int((predictions["actual"] != predictions["predicted"]).sum())
    with replacing(*(plots / picture for picture in PICTURES)) as (curves_file, errors_file, unsure_file, gradcam_file):
        curves_plot.draw(curves_file, curves, title=name)
        title = f"{name}: the {len(wrong)} errors it was surest of, of {errors:,} in {len(predictions):,} test images"
        style.save(gallery.figure(wrong, images, title=title), errors_file)
        title = f"{name}: the {len(unsure)} test images that it was least sure of"
        style.save(gallery.figure(unsure, images, title=title), unsure_file)
        title = f"{name}: Grad-CAM. The brighter a place, the more it speaks for the class that the model named"
        style.save(gradcam.figure(looked_at, images, heats, title=title), gradcam_file)


if __name__ == "__main__":
    with one_sentence():
        main(sys.argv[1])
