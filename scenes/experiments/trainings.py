"""One training of a search: its validation scores, as in metrics/<model>.json, and a report after each epoch."""

import csv
import io
import json
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from scenes.common.errors import InputError
from scenes.evaluation import abstention, metrics
from scenes.experiments import runs
from scenes.models import temperature
from scenes.models.features import Features, load_features
from scenes.training import batches, classifiers

EPOCH = re.compile(r"epoch +(\d+)/\d+ .* crossentropy \S+ \(val ([\d.]+)\)")  # printed by scenes/training/callbacks.py
DIVERGED = "the loss is no longer a number"  # raised by scenes/training/fit.py

Watch = Callable[[int, float], bool]  # called with an epoch and its validation crossentropy; False ends the training


class Stopped(Exception):
    """A training was ended, because ``watch`` returned False or because it diverged."""


def watch_lines(watch: Watch) -> Callable[[str], bool]:
    """Return a function of a line of output that calls ``watch`` if the line reports an epoch.

    It returns what ``watch`` returns, and True for other lines.
    """

    def watch_line(line: str) -> bool:
        match = EPOCH.search(line)
        return watch(int(match[1]), float(match[2])) if match else True

    return watch_line


def in_process(params: dict[str, Any], name: str, train: Features, val: Features, watch: Watch) -> dict[str, Any]:
    """Train a head in this process as stages/train_head.py does, and return its scores on validation.

    Args:
        params: the content of params.yaml.
        name: the model.
        train, val: the cached features.
        watch: called after each epoch.

    Raises:
        Stopped: see there.
    """
    import keras

    class Watching(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            if not watch(epoch + 1, logs["val_crossentropy"]):
                raise Stopped("ended early")

    keras.backend.clear_session()
    # As at the start of the stage, whatever this process has trained before.
    keras.utils.set_random_seed(params["seed"])
    settings = classifiers.for_profile(params["models"][name], **params["profiles"][params["profile"]]["head"])
    validation = batches.validation_features(val)
    try:
        with redirect_stdout(io.StringIO()):  # a line per epoch and trial would be too many
            network, _ = classifiers.fit_head(train, validation, settings, seed=params["seed"], callbacks=[Watching()])
    except InputError as error:
        raise Stopped(str(error)) from None
    probabilities = np.concatenate([network.predict_on_batch(inputs) for inputs, _ in validation]).astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # float32 sums to 1 except for rounding
    calibration = temperature.calibrate_network(network, validation)
    calibrated = temperature.scale(probabilities, calibration.temperature)
    thresholds = abstention.thresholds(val.label, calibrated)
    return metrics.classification(val.label, probabilities, val.classes, calibration=calibration, thresholds=thresholds)


def by_experiment(experiment: str, name: str, settings: list[str], watch: Watch) -> dict[str, Any]:
    """Train and score a model by ``dvc exp run``, and return its scores on validation.

    Args:
        experiment: its name.
        name: the model.
        settings: see :func:`scenes.experiments.runs.run`.
        watch: called after each epoch.

    Raises:
        Stopped: see there. No experiment is left then.
        runs.Failed: DVC or a stage ended with another error.
    """
    watch_line, stage, diverged = watch_lines(watch), "", False

    def watch_training(line: str) -> bool:
        nonlocal stage, diverged
        if line.startswith("Running stage "):
            stage = line
        diverged = diverged or DIVERGED in line
        # Fine-tuning the backbone prints epochs too.
        return watch_line(line) if f"'train@{name}'" in stage else True

    try:
        if not runs.run(experiment, f"evaluate@{name}", settings, watch_training):
            raise Stopped(f"{experiment} was ended early")
    except runs.Failed:
        if diverged:
            raise Stopped(DIVERGED) from None
        raise
    return scores_of_experiment(experiment, name)


def scores_of_experiment(experiment: str, name: str) -> dict[str, Any]:
    """Return the scores of a model on validation in an experiment."""
    commit, _ = runs.revisions()[experiment]
    return json.loads(runs.read(commit, f"metrics/{name}.json"))["val"]


def epochs_of_experiment(experiment: str, name: str) -> list[tuple[int, float]]:
    """Return the epochs of an experiment with their validation crossentropies, as ``watch`` gets them."""
    commit, _ = runs.revisions()[experiment]
    rows = csv.DictReader(runs.read(commit, f"plots/{name}/training/curves.tsv").splitlines(), delimiter="\t")
    return [(int(row["epoch"]), float(row["val_crossentropy"])) for row in rows]


def features(folder: str | Path) -> tuple[Features, Features]:
    """Return the cached features of the training and the validation images."""
    return load_features(folder, "train"), load_features(folder, "val")
