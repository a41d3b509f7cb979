"""What a search is told of a training: the validation scores that metrics/<model>.json would hold, and each epoch."""

import csv
import io
import json
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from scenes.common.errors import InputError
from scenes.evaluation import abstention, metrics
from scenes.experiments import runs
from scenes.models import temperature
from scenes.models.features import Features, load_features
from scenes.training import batches, classifiers

EPOCH = re.compile(r"epoch +(\d+)/\d+ .* crossentropy \S+ \(val ([\d.]+)\)")  # what scenes/training/callbacks.py prints
DIVERGED = "the loss is no longer a number"  # what scenes/training/fit.py says then


class Stopped(Exception):
    """A training was ended, because ``watch`` had seen enough or because it diverged."""


def watched(watch: Callable[[int, float], bool]) -> Callable[[str], bool]:
    """Return a function of a line of output that calls ``watch`` with the epoch and the validation crossentropy.

    It returns what ``watch`` does, and True for other lines.
    """

    def line(text: str) -> bool:
        found = EPOCH.search(text)
        return watch(int(found[1]), float(found[2])) if found else True

    return line


def in_process(params: dict, name: str, train: Features, val: Features, watch: Callable[[int, float], bool]) -> dict:
    """Train a head as stages/train_head.py does, within this process, and return its scores on validation.

    Raises:
        Stopped: see there.
    """
    import keras

    class Watching(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if not watch(epoch + 1, logs["val_crossentropy"]):
                raise Stopped("ended early")

    keras.backend.clear_session()
    # As at the start of the stage, whatever this process trained before.
    keras.utils.set_random_seed(params["seed"])
    validation = batches.validation_features(val)
    try:
        with redirect_stdout(io.StringIO()):  # thirty lines of epochs a trial are nothing to read
            network, _ = classifiers.fit_head(
                train, validation, params["models"][name], seed=params["seed"], callbacks=[Watching()]
            )
    except InputError as error:
        raise Stopped(str(error)) from None
    probabilities = np.concatenate([network.predict_on_batch(inputs) for inputs, _ in validation]).astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # float32 sums to 1 but for rounding
    scaling = temperature.fit_temperature_for(network, validation)
    return metrics.classification(
        val.label,
        probabilities,
        val.classes,
        temperature=scaling,
        thresholds=abstention.thresholds(val.label, temperature.scale(probabilities, scaling)),
    )


def by_experiment(experiment: str, name: str, settings: list[str], watch: Callable[[int, float], bool]) -> dict:
    """Train and score a model by ``dvc exp run``, and return its scores on validation.

    Raises:
        Stopped: see there. Then there is no experiment.
        runs.Failed: DVC or a stage ended with another error.
    """
    watch_line, stage, diverged = watched(watch), "", False

    def line(text: str) -> bool:
        nonlocal stage, diverged
        if text.startswith("Running stage "):
            stage = text
        diverged = diverged or DIVERGED in text
        # Fine-tuning the backbone prints epochs, too.
        return watch_line(text) if f"'train@{name}'" in stage else True

    try:
        if not runs.run(experiment, f"evaluate@{name}", settings, line):
            raise Stopped(f"{experiment} was ended early")
    except runs.Failed:
        if diverged:
            raise Stopped(DIVERGED) from None
        raise
    return scores_of_experiment(experiment, name)


def scores_of_experiment(experiment: str, name: str) -> dict:
    """Return the scores on validation that an experiment left."""
    commit, _ = runs.revisions()[experiment]
    return json.loads(runs.read(commit, f"metrics/{name}.json"))["val"]


def epochs_of_experiment(experiment: str, name: str) -> list[tuple[int, float]]:
    """Return the epochs of an experiment and their validation crossentropies, as ``watch`` was told them."""
    commit, _ = runs.revisions()[experiment]
    rows = csv.DictReader(runs.read(commit, f"plots/{name}/training/curves.tsv").splitlines(), delimiter="\t")
    return [(int(row["epoch"]), float(row["val_crossentropy"])) for row in rows]


def features(folder: str | Path) -> tuple[Features, Features]:
    """Return the cached features of the training and the validation images."""
    return load_features(folder, "train"), load_features(folder, "val")
