"""Train a head on the cached features of a backbone: ``python -m stages.train_head <model>``."""

import sys
from pathlib import Path

from scenes import curves, embeddings, head, head_batches, model_folder, provenance, temperature, training
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.orphan import end_with_dvc
from scenes.params import plain, read
from scenes.session import training_session


def main(name: str) -> None:
    end_with_dvc()
    params = read()
    settings = params.models[name]
    surroundings = {
        "seed": params.seed,
        "threads": params.threads,
        "precision": params.precision,
        "xla": params.xla,
    }
    features = Path("data") / settings.input
    with training_session(
        f"train@{name}",
        inputs=[features],
        settings=plain(settings),
        **surroundings,
    ) as state:
        train = embeddings.load(features, "train")
        validation = head_batches.validation(embeddings.load(features, "val"))
        width = train.features.shape[1]
        network = head.build(width, len(train.classes), **plain(settings.network))
        head.standardise(network, train.features)
        history = training.run(
            network,
            lambda start: head_batches.training(
                train,
                batch_size=settings.training.batch_size,
                epochs=settings.training.epochs,
                seed=params.seed,
                start=start,
            ),
            validation,
            count=len(train.label),
            state=state,
            **plain(settings.training),
        )
        description = {
            "kind": settings.kind,
            "input": settings.input,
            "network": plain(settings.network),
            "features": width,
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
                params={**surroundings, f"models.{name}": plain(settings)},
            )
            curves.write(plots, history)


if __name__ == "__main__":
    with one_sentence():
        main(sys.argv[1])
