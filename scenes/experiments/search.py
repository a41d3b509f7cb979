"""A search as tune.yaml describes it: what is varied, and the Optuna study that remembers it."""

import copy
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import optuna
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from scenes.common.errors import InputError
from scenes.config.section import Section
from scenes.experiments import entries

JOURNAL = "journal:"
DATA = ("profile", "profiles", "archive", "audit", "split", "records")  # the parameters of what a CNN learns from


class Range(Section):
    """Numbers from low to high; whole ones if both are."""

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _rises(self):
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError("low must be less than high, and more than 0 where log: true")
        return self

    def suggest(self, trial: optuna.Trial, key: str) -> str:
        """Return a value as text, of three digits: more would mean nothing."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return str(trial.suggest_int(key, self.low, self.high, log=self.log))
        value = trial.suggest_float(key, self.low, self.high, log=self.log)
        return np.format_float_positional(float(f"{value:.3g}"), trim="0")

    def ends(self) -> list[str]:
        """Return the values to check beforehand."""
        return [
            np.format_float_positional(end, trim="0") if isinstance(end, float) else str(end)
            for end in (self.low, self.high)
        ]

    def holds(self, value) -> bool:
        """Return whether ``value`` is among them."""
        return self.low <= value <= self.high


class Choices(Section):
    """One of several."""

    choices: Annotated[list[int | float | str | bool], Field(min_length=2)]

    def suggest(self, trial: optuna.Trial, key: str) -> str:
        return self._text(trial.suggest_categorical(key, self.choices))

    def ends(self) -> list[str]:
        return [self._text(choice) for choice in self.choices]

    def holds(self, value) -> bool:
        return value in self.choices

    @staticmethod
    def _text(choice) -> str:
        return json.dumps(choice).strip('"')


class Search(Section):
    """An entry of tune.yaml."""

    minimise: Literal[
        "crossentropy",
        "brier_score",
        "calibration.temperature_scaled.crossentropy",
        "calibration.temperature_scaled.brier_score",
    ]
    trials: PositiveInt
    random: PositiveInt
    prune_after: NonNegativeInt
    experiments: NonNegativeInt
    space: Annotated[dict[str, Range | Choices], Field(min_length=1)]

    def settings(self, trial: optuna.Trial) -> list[str]:
        """Return ``key=value`` for each parameter varied, as Optuna proposes it."""
        return [f"{key}={values.suggest(trial, key)}" for key, values in self.space.items()]

    def now(self, params: dict) -> dict | None:
        """Return the values in ``params``, if the space holds them all."""
        values = {key: value_at(params, key) for key in self.space}
        return values if all(self.space[key].holds(value) for key, value in values.items()) else None

    def ends(self) -> list[str]:
        """Return ``key=value`` for each end of a range and each choice."""
        return [f"{key}={value}" for key, values in self.space.items() for value in values.ends()]


def load(path: str | Path) -> dict[str, Search]:
    """Return the searches in ``path`` by model.

    Raises:
        InputError: the file is not as its head says.
    """
    return entries.load(path, Search)


def value_at(tree: dict, path: str):
    """Return what stands at a dotted path."""
    for key in path.split("."):
        tree = tree[key]
    return tree


def basis(name: str, search: Search, params: dict, files: Iterable[Path], code: str) -> str:
    """Return a hash of what must not change between two trials of a study, for their scores to be comparable.

    That is the search itself, the model's parameters but those it varies, the code, and its data: what is in
    ``files``, or without any the parameters that the data come from.

    Args:
        name: of the model.
        params: what params.yaml holds.
        files: what the model learns from, if it is there already.
        code: a hash of the code that trains and scores.
    """
    files = sorted(files)
    keys = ("seed", "threads", "precision", "xla", *(() if files else DATA))
    fixed = copy.deepcopy({key: params[key] for key in keys} | {"models": {name: params["models"][name]}})
    for key in search.space:
        *parents, last = key.split(".")
        del value_at(fixed, ".".join(parents))[last]
    digest = hashlib.sha256(json.dumps([fixed, search.minimise, search.model_dump()["space"], code]).encode())
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def open_study(name: str, storage: str, search: Search, *, basis: str, seed: int, worker: int = 0) -> optuna.Study:
    """Return the study ``name``, made if it is not there.

    Its sampler is seeded by (seed, worker, trials so far): the same search finds the same, no two workers propose the
    same, and one that goes on does not begin again.

    Args:
        storage: a URL of SQLAlchemy's, or ``journal:`` and the path of a file that the workers share.
        basis: see :func:`basis`.

    Raises:
        InputError: the study was made on another basis, or its storage cannot be reached.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        study = optuna.create_study(
            study_name=name,
            storage=_journal(storage) if storage.startswith(JOURNAL) else storage,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=search.random, n_warmup_steps=search.prune_after),
            load_if_exists=True,
        )
    except (OSError, ImportError, SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        # Not the address: it may hold a password.
        raise InputError(f"the study's storage cannot be opened ({type(error).__name__}); check --storage") from None
    if study.trials and study.user_attrs.get("basis", basis) != basis:
        raise InputError(
            f"the study {name} was made with another search space, other parameters, features or code, so its scores "
            "do not compare; name a new one with --study"
        )
    study.set_user_attr("basis", basis)
    entropy = np.random.SeedSequence([seed, worker, len(study.trials)])
    study.sampler = optuna.samplers.TPESampler(seed=int(entropy.generate_state(1)[0]), n_startup_trials=search.random)
    return study


def _journal(storage: str) -> optuna.storages.JournalStorage:
    path = storage.removeprefix(JOURNAL)
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
