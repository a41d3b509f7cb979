"""Choose the model for production by its scores on validation: models/production/, data/scores/production.json."""

from pathlib import Path

from scenes.common.files import atomic_dir, atomic_write
from scenes.common.tables import read_json, write_json
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.download.source import is_drawn
from scenes.evaluation import abstention, novelty_scores, selection
from scenes.models import store
from scenes.process.runtime import configure
from scenes.provenance import record
from stages import checked_stage, code_digest

DATA, MODELS = Path("data"), Path("models")
PRODUCTION = "models/production"
SCORES = "data/scores/production.json"


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing here is random
    metric, tolerance = params.select.metric, params.select.tolerance
    validation = {name: read_json(DATA / "validation_scores" / f"{name}.json") for name in to_dict(params.models)}
    validation = {name: found for name, found in validation.items() if found}  # without those that are not enabled
    networks = {name: store.load(MODELS / name, DATA) for name in validation}
    scores = {name: selection.score(found["val"], metric) for name, found in validation.items()}
    parameters = {name: network.count_params() for name, network in networks.items()}
    choice = selection.choose(scores, parameters, metric=metric, tolerance=tolerance)
    examples, validation_scores = records.open_records(DATA / "records", "train"), validation[choice.name]
    model, drawn = MODELS / choice.name, is_drawn(params.profile_settings.source)
    training, novelty = novelty_scores.measure(model, DATA, networks[choice.name], drawn=drawn)
    description = {
        "model": choice.name,
        "classes": examples.classes,
        "image_shape": examples.image_shape,
        "fit": examples.fit,
        "drawn": drawn,
        "calibrated": store.describe(model)["calibrated"],
        "unsure_below": validation_scores["val"]["abstention"][params.select.unsure_below]["confidence"],
        "unlike_above": novelty["unlike_above"],
        "presence": validation_scores["presence"],
    }
    made_by = record.read(model)
    with atomic_dir(PRODUCTION) as folder, atomic_write(SCORES) as file:
        store.save_production(folder, networks[choice.name], description)
        store.save_training_features(folder, training)
        used = {"threads": params.threads, "select": to_dict(params.select)}
        record.save(folder, origin=made_by, inputs=[model], params=used, code=code_digest("select"), model=made_by)
        metrics = selection.choice_metrics(choice, scores, parameters, metric=metric)
        write_json(file, {**metrics, "unsure_below": description["unsure_below"], "novelty": novelty})
    print(selection.format_summary(choice, scores, parameters, metric=metric, tolerance=tolerance))
    if description["unsure_below"] is None:
        print(abstention.why_no_threshold(params.select.unsure_below, validation_scores["val"]["count"]))


if __name__ == "__main__":
    with checked_stage("select"):
        main()
