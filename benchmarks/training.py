"""The cost of a training, compared with one plain Keras script that does what the earlier write-ups did.

    make bench        # or: python benchmarks/training.py [--folder data] [--shards 2] [--epochs 10]

Both run in turn on the same images, in separate processes, so that the ratios are valid on a noisy machine:

- transfer: `plain.py transfer` (the frozen backbone inside `fit`, 10 epochs) compared with extracting features once and
  fitting the linear model;
- next fit: the whole plain training again, compared with fitting only the linear model to the existing features;
- CNN: an epoch of `plain.py cnn` compared with an epoch of this project's training, with the same architecture;
- features: images/s of feature extraction compared with the bare backbone on images already in memory.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.reading import unpack  # noqa: E402
from scenes.config.params import read, to_dict  # noqa: E402


def subset(folder: Path, name: str, shards: int | None):
    """Return the records of a split, limited to its first ``shards`` shards."""
    import tensorflow as tf

    from scenes.dataset import records

    split = records.open_records(folder / "records", name)
    files = split.files[:shards]
    count = sum(1 for _ in tf.data.TFRecordDataset(list(files)))
    return dataclasses.replace(split, files=files, count=count)


def feature_set(params) -> str:
    """Return the feature set that `transfer` learns from."""
    return params.models.transfer.input.removeprefix("features/")


def open_backbone(arguments, params):
    """Return the graph that computes the features of `transfer`."""
    from scenes.backbones import backbone
    from scenes.backbones.extraction import compile_extractor

    settings, folder = params.profile_settings.features[feature_set(params)], arguments.folder / "weights"
    network = backbone.load(folder / feature_set(params), settings.image_size, levels=settings.levels)
    return compile_extractor(backbone.feature_extractor(network))


def transfer(arguments, params) -> dict:
    """Extract the features of both splits, then fit the linear model; return the seconds of each."""
    from scenes.backbones.extraction import compute_features
    from scenes.models import linear
    from scenes.training import logistic_regression

    begin = time.perf_counter()
    extractor = open_backbone(arguments, params)
    train, val = (
        compute_features(extractor, subset(arguments.folder, name, shards), batch_size=params.features.batch_size)
        for name, shards in (("train", arguments.shards), ("val", None))
    )
    extracted = time.perf_counter()
    network, settings = linear.build(train.features.shape[1], len(train.classes)), params.models.transfer
    best, _ = logistic_regression.fit_best(network, train, val, C=settings.C, class_weight=settings.class_weight)
    return {
        "seconds": time.perf_counter() - begin,
        "fit_seconds": time.perf_counter() - extracted,
        "val_accuracy": best["val_accuracy"],
    }


def cnn_epochs(arguments, params) -> dict:
    """Train the CNN for three epochs; return the seconds of each, validation included."""
    from benchmarks.plain import Clock
    from scenes.models import cnn
    from scenes.training import batches as training_batches
    from scenes.training import fit

    settings = params.models.baseline
    train, val = subset(arguments.folder, "train", arguments.shards), subset(arguments.folder, "val", None)
    size = arguments.batch_size
    network = cnn.build(train.image_shape, len(train.classes), **to_dict(settings.network))
    fit.compile_classifier(network, 0.001, optimizer="adam", weight_decay=None, label_smoothing=0.0)
    batches = training_batches.training_images(
        train,
        batch_size=size,
        epochs=3,
        seed=1,
        cache_mb=settings.cache_mb,
        augmentation=to_dict(params.augmentation) | to_dict(settings.augmentation),
    )
    clock = Clock()
    network.fit(
        batches,
        steps_per_epoch=-(-train.count // size),
        epochs=3,
        validation_data=training_batches.validation_images(val, size),
        shuffle=False,
        verbose=0,
        callbacks=[clock],
    )
    return {"epochs": clock.seconds}


def feature_rates(arguments, params) -> dict:
    """Return the images/s of the bare backbone on arrays, and its ratio to feature extraction from records."""
    import numpy as np
    import tensorflow as tf

    from scenes.backbones.extraction import compute_features
    from scenes.dataset import records

    extractor = open_backbone(arguments, params)
    split = subset(arguments.folder, "train", 1)
    images = records.load(split)["image"]
    size = params.features.batch_size
    batches = [tf.constant(images[begin : begin + size]) for begin in range(0, len(images), size)]
    extractor(batches[0])  # traces
    ratios, rates = [], []
    for _ in range(3):
        begin = time.perf_counter()
        for batch in batches:
            np.asarray(extractor(batch))
        bare = time.perf_counter() - begin
        begin = time.perf_counter()
        compute_features(extractor, split, batch_size=size)
        staged = time.perf_counter() - begin
        ratios.append(bare / staged)
        rates.append(split.count / bare)
    return {"ratio": statistics.median(ratios), "rate": statistics.median(rates)}


CHILDREN = {"transfer": transfer, "cnn": cnn_epochs, "features": feature_rates}


def output(*command) -> dict:
    """Run a command and return the last line that it prints, which is JSON."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "data", help="contains records/ and weights/ (default: data)"
    )
    parser.add_argument("--params", type=Path, default=ROOT / "params.yaml", help="of the run that wrote them")
    parser.add_argument("--shards", type=int, help="of the training split to use (default: all)")
    parser.add_argument("--epochs", type=int, default=10, help="of the plain transfer script (default: 10)")
    parser.add_argument("--batch-size", type=int, default=32, help="images per batch (default: 32)")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.folder = arguments.folder.resolve()
    params = read(arguments.params)
    if arguments.child:
        from scenes.process.runtime import configure

        configure(seed=1, threads=params.threads)
        return print(json.dumps(CHILDREN[arguments.child](arguments, params)))
    if not (arguments.folder / "records" / "index.json").is_file():
        raise SystemExit(f"there are no records in {arguments.folder}; run `make repro` first")

    same = ["--folder", arguments.folder, "--params", arguments.params, "--batch-size", arguments.batch_size]
    same += ["--shards", arguments.shards] if arguments.shards else []
    plain_script, own = ROOT / "benchmarks" / "plain.py", Path(__file__)
    acquired = arguments.folder / "weights" / feature_set(params)
    weights = json.loads((acquired / "backbone.json").read_text(encoding="utf-8"))
    side = params.profile_settings.features[feature_set(params)].image_size
    index = json.loads((arguments.folder / "records" / "index.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder)
        count = unpack(arguments.folder / "records", images / "train", "train", arguments.shards)
        unpack(arguments.folder / "records", images / "val", "val", None)
        plain_transfer = output(
            plain_script, "transfer", images, "--backbone", weights["backbone"],
            "--weights", acquired / weights["file"], "--side", side, "--epochs", arguments.epochs,
            "--batch-size", arguments.batch_size,
        )  # fmt: skip
        own_transfer = output(own, "--child", "transfer", *same)
        plain_cnn = output(
            plain_script, "cnn", images, "--side", index["image_shape"][0], "--epochs", 3,
            "--batch-size", arguments.batch_size, "--filters", *params.models.baseline.network.filters,
        )  # fmt: skip
        own_cnn = output(own, "--child", "cnn", *same)
        rates = output(own, "--child", "features", *same)

    print(f"{count:,} images, {weights['backbone']} at {side} px")
    best, own_best = max(plain_transfer["val_accuracy"]), own_transfer["val_accuracy"]
    seconds, own_seconds, fit_seconds = plain_transfer["seconds"], own_transfer["seconds"], own_transfer["fit_seconds"]
    print(
        f"transfer   plain {seconds:,.0f} s for {best:.3f} on validation, here {own_seconds:,.0f} s for "
        f"{own_best:.3f}: {seconds / own_seconds:.1f}x"
    )
    print(f"next fit   plain {seconds:,.0f} s, here {fit_seconds:,.1f} s: {seconds / fit_seconds:.0f}x")
    # The first epoch of both includes building graphs.
    epochs = [statistics.median(result["epochs"][1:]) for result in (plain_cnn, own_cnn)]
    print(f"CNN        plain {epochs[0]:,.1f} s per epoch, here {epochs[1]:,.1f} s: {epochs[0] / epochs[1]:.2f}x")
    print(f"features   {rates['ratio']:.2f} of the bare backbone's {rates['rate']:,.0f} images/s")
    return None


if __name__ == "__main__":
    main()
