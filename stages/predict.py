"""Say of the images without a label what they are: data/predictions.csv, and a contact sheet per class."""

import numpy as np

from scenes import inference, prediction_sheet, prediction_table, production, records, selected_images, style
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import read

SPLIT = "pred"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    network, description = production.load("models/production")
    classes = description["classes"]
    nothing = np.empty((0, len(classes)))
    key, found, images = [], {"probabilities": nothing, "contains": nothing}, {}
    if SPLIT in records.splits("data/records"):
        source = records.open_records("data/records", SPLIT)
        key, _, found = inference.over_records(network, source)
    table = prediction_table.build(
        key, found["probabilities"], found["contains"], classes, unsure_below=description["unsure_below"]
    ).sort_values("key", ignore_index=True)
    sheets = {name: prediction_sheet.choose(table, name) for name in classes}
    if len(table):
        images = selected_images.read(source, {key for chosen in sheets.values() for key in chosen["key"]})
    with replacing("data/predictions.csv") as file, replacing("plots/predictions", folder=True) as folder:
        table.to_csv(file, index=False, float_format="%.6f", lineterminator="\n")
        for name, chosen in sheets.items():
            total = int((table["class"] == name).sum())
            style.save(prediction_sheet.figure(name, chosen, images, total=total), folder / f"{name}.png")
    print(prediction_table.summary(table))


if __name__ == "__main__":
    with one_sentence():
        main()
