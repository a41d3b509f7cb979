"""Train a convolutional network from scratch on the records: ``python -m stages.train_cnn <model>``."""

import sys
from pathlib import Path

from scenes import cnn_batches, cnn_training, curves, model_folder, provenance, records, temperature
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
    with training_session(f"train@{name}", inputs=["data/records"], settings=settings, **surroundings) as state:
        train = records.open_records("data/records", "train")
        val = records.open_records("data/records", "val")
        validation = cnn_batches.validation(val, settings["training"]["batch_size"])
        network, history = cnn_training.fit(train, validation, settings, seed=params.seed, state=state)
        description = {
            "kind": settings["kind"],
            "input": settings["input"],
            "network": settings["network"],
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
                params={**surroundings, f"models.{name}": settings},
            )
            curves.write(plots, history)


if __name__ == "__main__":
    with one_sentence():
        main(sys.argv[1])
