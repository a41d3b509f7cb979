"""Predict the classes of unlabelled images: data/predictions.csv, and contact sheets in plots/predictions/."""

import numpy as np

from scenes.common import unused
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.runtime import configure
from scenes.common.tables import write_csv
from scenes.config.params import read
from scenes.dataset import records, selected_images
from scenes.evaluation import inference, prediction_table
from scenes.evaluation.presence import PresenceCalibration
from scenes.models import store, training_distance
from scenes.plots import galleries, style
from stages import checked_stage

RECORDS = "data/records"
SPLIT = "pred"
PRODUCTION = "models/production"
TABLE = "data/predictions.csv"
PLOTS = "plots/predictions"
DESCRIBED = "drawn", "unsure_below", "unlike_above"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing here is random
    network, description = store.load_production(PRODUCTION)
    network = training_distance.with_distance(network, store.load_training_features(PRODUCTION))
    classes, presence = description["classes"], PresenceCalibration(**description["presence"])
    key, outputs = np.empty(0, str), {"probabilities": np.empty((0, len(classes))), "distance": np.empty(0)}
    has_images = SPLIT in records.splits(RECORDS)
    if has_images:
        key, _, outputs = inference.predict_records(network, records.open_records(RECORDS, SPLIT))
    probabilities, described = outputs["probabilities"], {name: description[name] for name in DESCRIBED}
    table = prediction_table.build(
        key, probabilities, presence.presence(probabilities), classes, distance=outputs.get("distance"), **described
    ).sort_values("key", ignore_index=True)
    sheets, images = {}, {}
    if has_images:
        sheets = galleries.class_sheets(table, classes)
        keys = {key for rows in sheets.values() for key in rows["key"]}
        images = selected_images.read_selected(records.open_records(RECORDS, SPLIT), keys)
    with atomic_write(TABLE) as file, atomic_dir(PLOTS) as folder:
        write_csv(file, table)
        if not sheets:
            unused.write_header(folder / unused.MARK, ["unused"])  # DVC warns of an empty folder
        for name, file_name in galleries.sheet_names(sheets).items():
            total = int((table["class"] == name).sum())
            style.save(galleries.class_figure(name, sheets[name], images, total=total), folder / file_name)
    unsure_below, calibrated = description["unsure_below"], description["calibrated"]
    print(prediction_table.format_summary(table, unsure_below=unsure_below, calibrated=calibrated))


if __name__ == "__main__":
    with checked_stage("predict"):
        main()
