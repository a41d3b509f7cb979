"""Say of the images without a label what they are: data/predictions.csv, and a contact sheet per class."""

import numpy as np

from scenes.common.files import atomic_dir, atomic_write
from scenes.common.runtime import configure
from scenes.config.params import read
from scenes.dataset import records, selected_images
from scenes.evaluation import inference, prediction_table
from scenes.models import store
from scenes.plots import galleries, style
from stages import checked_stage

SPLIT = "pred"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    network, description = store.load_production("models/production")
    classes = description["classes"]
    nothing = np.empty((0, len(classes)))
    key, found, images = [], {"probabilities": nothing, "presence": nothing}, {}
    if SPLIT in records.splits("data/records"):
        source = records.open_records("data/records", SPLIT)
        key, _, found = inference.predict_records(network, source)
    table = prediction_table.build(
        key, found["probabilities"], found["presence"], classes, unsure_below=description["unsure_below"]
    ).sort_values("key", ignore_index=True)
    sheets = {name: galleries.most_and_least_confident(table, name) for name in classes}
    if len(table):
        images = selected_images.read_selected(source, {key for chosen in sheets.values() for key in chosen["key"]})
    with atomic_write("data/predictions.csv") as file, atomic_dir("plots/predictions") as folder:
        table.to_csv(file, index=False, float_format="%.6f", lineterminator="\n")
        for name, chosen in sheets.items():
            total = int((table["class"] == name).sum())
            style.save(galleries.class_figure(name, chosen, images, total=total), folder / f"{name}.png")
    print(prediction_table.format_summary(table))


if __name__ == "__main__":
    with checked_stage("predict"):
        main()
