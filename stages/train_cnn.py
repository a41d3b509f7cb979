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

DATA = Path("data")
MODELS = Path("models")
PLOTS = Path("plots")


def main(name: str) -> None:
    exit_with_dvc()
    params = read()
    settings, code = to_dict(params.models[name]), code_digest("train_cnn")
    runtime = {"seed": params.seed, "threads": params.threads, "precision": params.precision, "xla": params.xla}
    inputs = [DATA / settings["input"]]
    with training_run(f"train@{name}", inputs=inputs, settings=settings, code=code, **runtime) as state:
        train, val = (records.open_records(DATA / settings["input"], split) for split in ("train", "val"))
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
        with atomic_dir(MODELS / name, PLOTS / name / "training") as (folder, plots):
            store.save_network(folder, network, description)
            used = {**runtime, f"models.{name}": settings}
            record.save(folder, origin=record.origin(DATA), inputs=inputs, params=used, code=code)
            curves.write(plots, history)


if __name__ == "__main__":
    with checked_stage("train_cnn"):
        main(sys.argv[1])
