"""Fit a linear classifier to the features of a backbone: ``python -m stages.train_linear <model>``."""

import sys
from pathlib import Path

from scenes.backbones.features import describe_features, load_features
from scenes.common import unused
from scenes.common.files import atomic_dir
from scenes.config.params import read, to_dict
from scenes.models import linear, store, temperature
from scenes.process.runtime import configure
from scenes.provenance import record
from scenes.training import batches, logistic_regression
from stages import checked_stage, code_digest

DATA = Path("data")
MODELS = Path("models")
PLOTS = Path("plots")


def main(name: str) -> None:
    params = read()
    model = to_dict(params.models[name])
    source, outputs = DATA / model["input"], (MODELS / name, PLOTS / name / "training")
    if unused.is_unused(source):
        unused.mark(*outputs)
        print(f"{name} is not enabled in this profile")
        return
    code, used = code_digest("train_linear"), {"threads": params.threads, f"models.{name}": model}
    origin, made_from = record.origin(DATA), record.read(source)
    configure(seed=0, threads=params.threads)  # nothing here is random
    stored = [load_features(source, split) for split in ("train", "val")]
    train, validation = (split.sample() for split in stored)
    if len(train.label) < (count := len(stored[0].label)):
        print(f"{name}: fitted to {len(train.label):,} of {count:,} training images")
    network = linear.build(train.features.shape[1], len(train.classes))
    settings = {key: model[key] for key in ("C", "class_weight")}
    best, table = logistic_regression.fit_best(network, train, validation, **settings)
    print(
        f"{name}: C {best['C']:g} is best on validation: accuracy {best['val_accuracy']:.4f}, crossentropy "
        f"{best['val_crossentropy']:.4f}, calibrated {best['val_calibrated_crossentropy']:.4f}"
    )
    description = {
        **{key: model[key] for key in ("kind", "input")},
        "C": best["C"],
        "features": train.features.shape[1],
        "backbone": describe_features(source),
        "images": len(train.label),
        "classes": train.classes,
        **temperature.calibrate_network(network, batches.validation_features(validation))._asdict(),
    }
    with atomic_dir(*outputs) as (folder, plots):
        store.save_network(folder, network, description)
        record.save(folder, origin=origin, inputs=[source], params=used, code=code, features=made_from)
        logistic_regression.write_table(plots / "validation_curve.tsv", table)


if __name__ == "__main__":
    with checked_stage("train_linear"):
        main(sys.argv[1])
