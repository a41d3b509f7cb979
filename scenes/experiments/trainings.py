"""One training of a search, run as an experiment: its headlines, and a report after each epoch."""

import csv
import json
import re
from collections.abc import Callable

from scenes.experiments import runs

EPOCH = re.compile(r"epoch +(\d+)/\d+ .* calibrated ([\d.]+)")  # printed by scenes/training/callbacks.py
DIVERGED = "the loss is no longer a number"  # raised by scenes/training/fit.py

# Called with an epoch and its calibrated crossentropy on validation; False ends the training.
Watch = Callable[[int, float], bool]


class Stopped(Exception):
    """A training was ended, because ``watch`` returned False or because it diverged."""


def by_experiment(experiment: str, name: str, settings: list[str], watch: Watch) -> dict[str, float]:
    """Train and score a model by ``dvc exp run``, and return its headlines.

    Args:
        experiment: its name.
        name: the model.
        settings: see :func:`scenes.experiments.runs.run`.
        watch: called after each epoch.

    Raises:
        Stopped: see there. No experiment is left then.
        runs.Failed: DVC or a stage ended with another error.
    """
    diverged = False

    def watch_line(line: str) -> bool:
        nonlocal diverged
        diverged = diverged or DIVERGED in line
        match = EPOCH.search(line)
        return watch(int(match[1]), float(match[2])) if match else True

    try:
        if not runs.run(experiment, f"evaluate@{name}", settings, watch_line):
            raise Stopped(f"{experiment} was ended early")
    except runs.Failed:
        if diverged:
            raise Stopped(DIVERGED) from None
        raise
    return headlines_of_experiment(experiment, name)


def headlines_of_experiment(experiment: str, name: str) -> dict[str, float]:
    """Return the headlines of a model in an experiment, see ``scenes.evaluation.metrics.headlines``."""
    commit, _ = runs.revisions()[experiment]
    return json.loads(runs.read(commit, f"metrics/{name}.json"))


def epochs_of_experiment(experiment: str, name: str) -> list[tuple[int, float]]:
    """Return the epochs of an experiment with their crossentropies, as ``watch`` gets them."""
    commit, _ = runs.revisions()[experiment]
    rows = csv.DictReader(runs.read(commit, f"plots/{name}/training/curves.tsv").splitlines(), delimiter="\t")
    return [(int(row["epoch"]), float(row["val_calibrated_crossentropy"])) for row in rows]
