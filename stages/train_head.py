"""Train a head on the backbone's features: ``python -m stages.train_head <model>``."""

import sys
from pathlib import Path

from scenes.common.files import atomic_dir
from scenes.common.watchdog import exit_with_dvc
from scenes.config.params import read, to_dict
from scenes.models import store, temperature
from scenes.models.features import describe_features, load_features
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
    code = code_digest("train_head")
    runtime = {"seed": params.seed, "threads": params.threads, "precision": params.precision, "xla": params.xla}
    model, profile = to_dict(params.models[name]), to_dict(params.profile_settings.head)
    used = {f"models.{name}": model, "profile.head": profile}
    settings, features = classifiers.for_profile(model, **profile), DATA / model["input"]
    with training_run(f"train@{name}", inputs=[features], settings=used, code=code, **runtime) as state:
        train = load_features(features, "train")
        validation = batches.validation_features(load_features(features, "val"))
        network, history = classifiers.fit_head(train, validation, settings, seed=params.seed, state=state)
        description = {
            "kind": settings["kind"],
            "input": settings["input"],
            "network": settings["network"],
            "features": train.features.shape[1],
            "backbone": describe_features(features),
            "classes": train.classes,
            **temperature.calibrate_network(network, validation)._asdict(),
        }
        with atomic_dir(MODELS / name, PLOTS / name / "training") as (folder, plots):
            store.save_network(folder, network, description)
            origin, made_from = record.origin(DATA), record.read(features)
            used = {**runtime, **used}
            record.save(folder, origin=origin, inputs=[features], params=used, code=code, features=made_from)
            curves.write(plots, history)


if __name__ == "__main__":
    with checked_stage("train_head"):
        main(sys.argv[1])
