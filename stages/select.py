"""Choose the model for production by its scores on validation: models/production/, metrics/production.json."""

import json
from pathlib import Path

from scenes import outputs, production, provenance, records, selection
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import plain, read


def main() -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    metric = params.select.metric
    # Named, not listed: the folder may hold a model that is no longer in params.yaml.
    names = list(plain(params.models))
    candidates = {
        name: json.loads(Path("data/candidates", f"{name}.json").read_text(encoding="utf-8")) for name in names
    }
    networks = {name: outputs.load(Path("models") / name, Path("models/contains") / name, "data") for name in names}
    scores = {name: selection.score(candidates[name]["val"], metric) for name in names}
    parameters = {name: networks[name].count_params() for name in names}
    choice = selection.choose(scores, parameters, metric=metric, tie=params.select.tie)
    examples = records.open_records("data/records", "train")
    description = {
        "model": choice.name,
        "classes": examples.classes,
        "image_shape": examples.image_shape,
        "unsure_below": candidates[choice.name]["val"]["coverage"][params.select.unsure_below]["confidence"],
        "contains_above": candidates[choice.name]["contains_above"],
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
    made_from = [Path("models") / choice.name, Path("models/contains") / choice.name]
    parts = dict(zip(("model", "contains"), map(provenance.read, made_from), strict=True))
    parts["contains"].pop("model")  # it stands beside it
    with replacing("models/production", folder=True) as folder, replacing("metrics/production.json") as file:
        production.save(folder, networks[choice.name], description)
        provenance.save(
            folder,
            origin=parts["model"],
            inputs=made_from,
            params={"threads": params.threads, "select": plain(params.select)},
            **parts,
        )
        file.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(selection.sentence(choice, scores, parameters, metric=metric, tie=params.select.tie))


if __name__ == "__main__":
    with one_sentence():
        main()
