"""Train a head on the cached features of a backbone: ``python -m stages.train_head <model>``."""

import sys
from pathlib import Path

from scenes import curves, embeddings, head_batches, head_training, model_folder, provenance, temperature
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.orphan import end_with_dvc
from scenes.params import plain, read
from scenes.session import training_session


def main(name: str) -> None:
    end_with_dvc()
    params = read()
    settings = plain(params.models[name])
    surroundings = {
        "seed": params.seed,
        "threads": params.threads,
        "precision": params.precision,
        "xla": params.xla,
    }
    features = Path("data") / settings["input"]
    with training_session(f"train@{name}", inputs=[features], settings=settings, **surroundings) as state:
        train = embeddings.load(features, "train")
        validation = head_batches.validation(embeddings.load(features, "val"))
        network, history = head_training.fit(train, validation, settings, seed=params.seed, state=state)
        description = {
            "kind": settings["kind"],
            "input": settings["input"],
            "network": settings["network"],
            "features": train.features.shape[1],
            "backbone": embeddings.origin(features),
            "classes": train.classes,
            "temperature": temperature.of_network(network, validation),
        }
        with replacing(Path("models") / name, Path("plots") / name / "training", folder=True) as (model, plots):
            model_folder.save(model, network, description)
            provenance.save(
                model,
                origin=provenance.origin("data"),
                inputs=[features],
                params={**surroundings, f"models.{name}": settings},
                embeddings=provenance.read(features),
            )
            curves.write(plots, history)


if __name__ == "__main__":
    with one_sentence():
        main(sys.argv[1])
