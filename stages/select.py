"""Choose the model for production by its scores on validation: models/production/, metrics/production.json."""

import json
from pathlib import Path

from scenes.common.files import atomic_dir, atomic_write
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.evaluation import selection
from scenes.models import store
from scenes.provenance import record
from stages import checked_stage, code_digest


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    metric = params.select.metric
    # Named, not listed: the folder may hold a model that is no longer in params.yaml.
    names = list(to_dict(params.models))
    candidates = {
        name: json.loads(Path("data/validation_scores", f"{name}.json").read_text(encoding="utf-8")) for name in names
    }
    networks = {
        name: store.load_multilabel(Path("models") / name, Path("models/multilabel") / name, "data") for name in names
    }
    scores = {name: selection.score(candidates[name]["val"], metric) for name in names}
    parameters = {name: networks[name].count_params() for name in names}
    choice = selection.choose(scores, parameters, metric=metric, tolerance=params.select.tolerance)
    examples = records.open_records("data/records", "train")
    description = {
        "model": choice.name,
        "classes": examples.classes,
        "image_shape": examples.image_shape,
        "unsure_below": candidates[choice.name]["val"]["abstention"][params.select.unsure_below]["confidence"],
        "presence_above": candidates[choice.name]["presence_above"],
    }
    facts = {
        "model": choice.name,
        "metric": metric,
        "reason": choice.reason,
        "margin": round(choice.margin, 6),
        "val": scores,
        "parameters": parameters,
        "unsure_below": description["unsure_below"],
    }
    made_from = [Path("models") / choice.name, Path("models/multilabel") / choice.name]
    parts = dict(zip(("model", "multilabel"), map(record.read, made_from), strict=True))
    parts["multilabel"].pop("model")  # it stands beside it
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
        file.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(selection.format_summary(choice, scores, parameters, metric=metric, tolerance=params.select.tolerance))


if __name__ == "__main__":
    with checked_stage("select"):
        main()
