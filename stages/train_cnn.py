"""Train a convolutional network from scratch on the records: ``python -m stages.train_cnn <model>``."""

import sys
from pathlib import Path

from scenes.common.files import atomic_dir
from scenes.common.watchdog import exit_with_dvc
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.models import store, temperature
from scenes.provenance import record
from scenes.training import batches, classifiers, curves
from scenes.training.run import training_run
from stages import checked_stage, code_digest


def main(name: str) -> None:
    exit_with_dvc()
    params = read()
    settings, code = to_dict(params.models[name]), code_digest("train_cnn")
    surroundings = {
        "seed": params.seed,
        "threads": params.threads,
        "precision": params.precision,
        "xla": params.xla,
    }
    with training_run(f"train@{name}", inputs=["data/records"], settings=settings, code=code, **surroundings) as state:
        train = records.open_records("data/records", "train")
        val = records.open_records("data/records", "val")
        validation = batches.validation_images(val, settings["training"]["batch_size"])
        network, history = classifiers.fit_cnn(train, validation, settings, seed=params.seed, state=state)
        description = {
            "kind": settings["kind"],
            "input": settings["input"],
            "network": settings["network"],
            "image_shape": train.image_shape,
            "classes": train.classes,
            "temperature": temperature.fit_temperature_for(network, validation),
        }
        with atomic_dir(Path("models") / name, Path("plots") / name / "training") as (model, plots):
            store.save_network(model, network, description)
            record.save(
                model,
                origin=record.origin("data"),
                inputs=["data/records"],
                params={**surroundings, f"models.{name}": settings},
                code=code,
            )
            curves.write(plots, history)


if __name__ == "__main__":
    with checked_stage("train_cnn"):
        main(sys.argv[1])
