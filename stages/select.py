"""Choose the model for production by its scores on validation: models/production/, metrics/production.json."""

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


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing here is random
    metric = params.select.metric
    # Not a listing of the folder, which may contain a model that is no longer in params.yaml.
    names = list(to_dict(params.models))
    validation = {name: read_json(Path("data/validation_scores") / f"{name}.json") for name in names}
    networks = {name: store.load(Path("models") / name, "data", Path("models/multilabel") / name) for name in names}
    scores = {name: selection.score(validation[name]["val"], metric) for name in names}
    parameters = {name: networks[name].count_params() for name in names}
    choice = selection.choose(scores, parameters, metric=metric, tolerance=params.select.tolerance)
    examples = records.open_records("data/records", "train")
    description = {
        "model": choice.name,
        "classes": examples.classes,
        "image_shape": examples.image_shape,
        "unsure_below": validation[choice.name]["val"]["abstention"][params.select.unsure_below]["confidence"],
        "presence_above": validation[choice.name]["presence_above"],
    }
    metrics = selection.choice_metrics(choice, scores, parameters, metric=metric)
    made_from = [Path("models") / choice.name, Path("models/multilabel") / choice.name]
    parts = dict(zip(("model", "multilabel"), map(record.read, made_from), strict=True))
    parts["multilabel"].pop("model")  # already under "model"
    with atomic_dir("models/production") as folder, atomic_write("metrics/production.json") as file:
        store.save_production(folder, networks[choice.name], description)
        record.save(
            folder,
            origin=parts["model"],
            inputs=made_from,
            params={"threads": params.threads, "select": to_dict(params.select)},
            code=code_digest("select"),
            **parts,
        )
        write_json(file, metrics | {"unsure_below": description["unsure_below"]})
    print(selection.format_summary(choice, scores, parameters, metric=metric, tolerance=params.select.tolerance))


if __name__ == "__main__":
    with checked_stage("select"):
        main()
