"""Train a convolutional network from scratch on the records: ``python -m stages.train_cnn <model>``."""

import sys
from pathlib import Path

from scenes import cnn, cnn_batches, curves, model_folder, provenance, records, temperature, training
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
    with training_session(
        f"train@{name}",
        inputs=["data/records"],
        settings=plain(settings),
        **surroundings,
    ) as state:
        train = records.open_records("data/records", "train")
        val = records.open_records("data/records", "val")
        validation = cnn_batches.validation(val, settings.training.batch_size)
        network = cnn.build(train.image_shape, len(train.classes), **plain(settings.network))
        history = training.run(
            network,
            lambda start: cnn_batches.training(
                train,
                batch_size=settings.training.batch_size,
                epochs=settings.training.epochs,
                seed=params.seed,
                memory_mb=settings.memory_mb,
                start=start,
                **plain(settings.augmentation),
            ),
            validation,
            count=train.count,
            state=state,
            **plain(settings.training),
        )
        description = {
            "kind": settings.kind,
            "input": settings.input,
            "network": plain(settings.network),
            "image_shape": train.image_shape,
            "classes": train.classes,
            "temperature": temperature.of_network(network, validation),
        }
        with replacing(Path("models") / name, Path("plots") / name / "training", folder=True) as (model, plots):
            model_folder.save(model, network, description)
            provenance.save(
                model,
                origin=provenance.origin("data"),
                inputs=["data/records"],
                params={**surroundings, f"models.{name}": plain(settings)},
            )
            curves.write(plots, history)


if __name__ == "__main__":
    with one_sentence():
        main(sys.argv[1])
