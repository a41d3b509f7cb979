"""Predict the classes of unlabelled images: data/predictions.csv, and contact sheets in plots/predictions/."""

from pathlib import Path

from scenes.common import unused
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.tables import write_csv
from scenes.config.params import read
from scenes.dataset import record_shards, records, selected_images
from scenes.evaluation import inference, prediction_table
from scenes.evaluation.presence import PresenceCalibration
from scenes.executors import executor
from scenes.models import store
from scenes.plots import galleries, style
from scenes.process.runtime import configure
from scenes.training.state_key import state_key
from stages import checked_stage, code_digest

RECORDS = "data/records"
SPLIT = "pred"
PRODUCTION = Path("models/production")
TABLE = "data/predictions.csv"
PLOTS = "plots/predictions"
KEPT = Path(".resume/predict")  # of a killed run
DESCRIBED = "drawn", "unsure_below", "unlike_above"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing here is random
    description = store.describe_production(PRODUCTION)
    classes, presence = description["classes"], PresenceCalibration(**description["presence"])
    images = records.open_records(RECORDS, SPLIT) if SPLIT in records.splits(RECORDS) else None
    shards = record_shards.file_shards(images) if images else []
    job = inference.prediction_job(PRODUCTION, threads=params.threads)
    state = state_key([PRODUCTION, RECORDS], {"threads": params.threads}, code_digest("predict"))
    with executor.kept(KEPT, state) as run:
        key, probabilities, distance = inference.join_predictions(run(job, shards), len(classes))
    described = {name: description[name] for name in DESCRIBED} | {"distance": distance}
    table = prediction_table.build(key, probabilities, presence.presence(probabilities), classes, **described)
    table = table.sort_values("key", ignore_index=True)
    sheets, pictures = {}, {}
    if images:
        sheets = galleries.class_sheets(table, classes)
        keys = {key for rows in sheets.values() for key in rows["key"]}
        pictures = selected_images.read_selected(images, keys)
    with atomic_write(TABLE) as file, atomic_dir(PLOTS) as folder:
        write_csv(file, table)
        if not sheets:
            unused.write_header(folder / unused.MARK, ["unused"])  # DVC warns of an empty folder
        for name, file_name in galleries.sheet_names(sheets).items():
            total = int((table["class"] == name).sum())
            style.save(galleries.class_figure(name, sheets[name], pictures, total=total), folder / file_name)
    unsure_below, calibrated = description["unsure_below"], description["calibrated"]
    print(prediction_table.format_summary(table, unsure_below=unsure_below, calibrated=calibrated))


if __name__ == "__main__":
    with checked_stage("predict"):
        main()
