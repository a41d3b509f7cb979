"""Choose the model for production by its scores on validation: models/production/, data/scores/production.json."""

from pathlib import Path

from scenes.common.files import atomic_dir, atomic_write
from scenes.common.runtime import configure
from scenes.common.tables import read_json, write_json
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.evaluation import selection
from scenes.models import store
from scenes.provenance import record
from stages import checked_stage, code_digest

DATA = Path("data")
MODELS = Path("models")
MULTILABEL = Path("models/multilabel")
PRODUCTION = "models/production"
SCORES = "data/scores/production.json"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing here is random
    metric, tolerance = params.select.metric, params.select.tolerance
    validation = {name: read_json(DATA / "validation_scores" / f"{name}.json") for name in to_dict(params.models)}
    validation = {name: found for name, found in validation.items() if found}  # without those that are not enabled
    networks = {name: store.load(MODELS / name, DATA, MULTILABEL / name) for name in validation}
    scores = {name: selection.score(found["val"], metric) for name, found in validation.items()}
    parameters = {name: network.count_params() for name, network in networks.items()}
    choice = selection.choose(scores, parameters, metric=metric, tolerance=tolerance)
    examples, validation_scores = records.open_records(DATA / "records", "train"), validation[choice.name]
    description = {
        "model": choice.name,
        "classes": examples.classes,
        "image_shape": examples.image_shape,
        "fit": examples.fit,
        "calibrated": store.describe(MODELS / choice.name)["calibrated"],
        "unsure_below": validation_scores["val"]["abstention"][params.select.unsure_below]["confidence"],
        "presence_above": validation_scores["presence_above"],
        "presence_calibration": validation_scores["presence_calibration"],
    }
    made_from = {"model": MODELS / choice.name, "multilabel": MULTILABEL / choice.name}
    parts = {part: record.read(folder) for part, folder in made_from.items()}
    del parts["multilabel"]["model"]  # the same as parts["model"]
    with atomic_dir(PRODUCTION) as folder, atomic_write(SCORES) as file:
        store.save_production(folder, networks[choice.name], description)
        used = {"threads": params.threads, "select": to_dict(params.select)}
        code, inputs = code_digest("select"), made_from.values()
        record.save(folder, origin=parts["model"], inputs=inputs, params=used, code=code, **parts)
        metrics = selection.choice_metrics(choice, scores, parameters, metric=metric)
        write_json(file, {**metrics, "unsure_below": description["unsure_below"]})
    print(selection.format_summary(choice, scores, parameters, metric=metric, tolerance=tolerance))


if __name__ == "__main__":
    with checked_stage("select"):
        main()
