"""Train a convolutional network from scratch on the records: ``python -m stages.train_cnn <model>``."""

import sys
from functools import partial
from pathlib import Path

from scenes.common.files import atomic_dir
from scenes.config.params import read, to_dict
from scenes.dataset import records
from scenes.models import store, temperature
from scenes.process.runtime import keras_backend
from scenes.provenance import record
from scenes.training import cnn, curves, devices
from scenes.training.run import training_run
from stages import checked_stage, code_digest

DATA = Path("data")
MODELS = Path("models")
PLOTS = Path("plots")


def main(name: str) -> None:
    params = read()
    code = code_digest("train_cnn")
    runtime = {"seed": params.seed, "threads": params.threads, "precision": params.precision, "xla": params.xla}
    if keras_backend() != "tensorflow":
        runtime["backend"] = keras_backend()
    model, profile = to_dict(params.models[name]), to_dict(params.profile_settings.cnn)
    flip = params.augmentation.flip
    used = {f"models.{name}": model, "augmentation.flip": flip, "profile.cnn": profile}
    inputs, origin = [DATA / model["input"]], record.origin(DATA)
    with training_run(f"train@{name}", inputs=inputs, settings=used, code=code, **runtime) as state:
        train, val = (records.open_records(DATA / model["input"], split) for split in ("train", "val"))
        settings = cnn.for_profile(model, image_shape=train.image_shape, **profile)
        validation = devices.validation_images(val, settings["training"]["batch_size"])
        options = {"flip": flip, "seed": params.seed, "state": state, "devices": devices.current()}
        after_epoch = partial(curves.write, PLOTS / name / "training")
        network, _ = cnn.fit_cnn(train, validation, settings, after_epoch=after_epoch, **options)
        description = {
            "kind": settings["kind"],
            "input": settings["input"],
            "network": settings["network"],
            "image_shape": train.image_shape,
            "classes": train.classes,
            **temperature.calibrate_network(network, validation)._asdict(),
        }
        if devices.current().process:
            return  # process 0 writes the model
        with atomic_dir(MODELS / name) as folder:
            store.save_network(folder, network, description)
            record.save(folder, origin=origin, inputs=inputs, params={**runtime, **used}, code=code)


if __name__ == "__main__":
    with checked_stage("train_cnn"):
        main(sys.argv[1])
