"""A search: what tune.yaml says to vary, and the Optuna study that stores the trials."""

import copy
import hashlib
import json
import warnings
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import BaseTrial
from pydantic import Field, NonNegativeInt, PositiveInt, TypeAdapter, model_validator

from scenes.common.errors import InputError
from scenes.config.section import ModelName, Section
from scenes.experiments import entries

JOURNAL = "journal:"
IN_MEMORY = "sqlite://", "sqlite:///:memory:"
HEARTBEAT = 60  # seconds between two signs of life of a running trial, in a database
RETRIES = 3  # of a trial whose worker was killed: it may be the trial that takes the machine down
# Parameters that a CNN's scores depend on, besides those of the model.
FIXED = (
    *("seed", "threads", "precision", "xla"),
    *("profile", "profiles", "archive", "audit", "split", "records", "augmentation"),
)


class StorageError(InputError):
    """The study's storage cannot be opened, or was lost. The message does not contain the address."""


class Range(Section):
    """Numbers from low to high; integers if both ends are."""

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError("low must be less than high, and more than 0 where log: true")
        return self

    def suggest(self, trial: BaseTrial, key: str) -> str:
        """Return a value as text, with three digits: further digits are noise."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return str(trial.suggest_int(key, self.low, self.high, log=self.log))
        value = trial.suggest_float(key, self.low, self.high, log=self.log)
        return np.format_float_positional(float(f"{value:.3g}"), trim="0")

    def ends(self) -> list[str]:
        """Return the values to check before the search."""
        return [
            np.format_float_positional(end, trim="0") if isinstance(end, float) else str(end)
            for end in (self.low, self.high)
        ]

    def contains(self, value: Any) -> bool:
        """Return whether ``value`` is in the range."""
        return self.low <= value <= self.high


class Choices(Section):
    """One of several values."""

    choices: Annotated[list[int | float | str | bool], Field(min_length=2)]

    def suggest(self, trial: BaseTrial, key: str) -> str:
        return self._text(trial.suggest_categorical(key, self.choices))

    def ends(self) -> list[str]:
        return [self._text(choice) for choice in self.choices]

    def contains(self, value: Any) -> bool:
        return value in self.choices

    @staticmethod
    def _text(choice: Any) -> str:
        return json.dumps(choice).strip('"')


class Search(Section):
    """An entry of tune.yaml."""

    trials: PositiveInt
    random: PositiveInt
    prune_after: NonNegativeInt
    space: Annotated[dict[str, Range | Choices], Field(min_length=1)]

    def settings(self, trial: BaseTrial) -> list[str]:
        """Return ``key=value`` for each parameter that varies, as Optuna proposes it."""
        return [f"{key}={values.suggest(trial, key)}" for key, values in self.space.items()]

    def current(self, params: dict[str, Any]) -> dict[str, Any] | None:
        """Return the values in ``params``, or None if some are outside the space."""
        values = {key: value_at(params, key) for key in self.space}
        return values if all(self.space[key].contains(value) for key, value in values.items()) else None

    def ends(self) -> list[list[str]]:
        """Return lists of ``key=value``, together with each end of a range and each choice."""
        ends = {key: values.ends() for key, values in self.space.items()}
        count = max(len(values) for values in ends.values())
        rows = zip(*([*values, *values[-1:] * (count - len(values))] for values in ends.values()), strict=True)
        return [[f"{key}={value}" for key, value in zip(ends, row, strict=True)] for row in rows]


def load(path: str | Path) -> dict[str, Search]:
    """Return the searches in ``path`` by model.

    Raises:
        InputError: see :func:`scenes.experiments.entries.load`.
    """
    return entries.load(path, TypeAdapter(dict[ModelName, Search]))


def value_at(tree: dict[str, Any], path: str) -> Any:
    """Return the value at a dotted path."""
    for key in path.split("."):
        tree = tree[key]
    return tree


def comparability_key(name: str, search: Search, params: dict[str, Any], code: str) -> str:
    """Return a hash that is equal for two trials whose scores can be compared.

    It covers the search space, the parameters of the model and its data except those that vary, and the code.

    Args:
        name: the model.
        search: its search.
        params: the content of params.yaml.
        code: a hash of the code that trains and scores.
    """
    fixed = copy.deepcopy({key: params[key] for key in FIXED} | {"models": {name: params["models"][name]}})
    for key in search.space:
        *parents, last = key.split(".")
        del value_at(fixed, ".".join(parents))[last]
    text = json.dumps([fixed, search.model_dump()["space"], code])
    return hashlib.sha256(text.encode()).hexdigest()


def open_study(name: str, storage: str, search: Search, *, key: str, seed: int, worker: int = 0) -> optuna.Study:
    """Return the study ``name``, which is created if it does not exist.

    The sampler's seed comes from (seed, worker, trials so far). So the same search gives the same result, no two
    workers propose the same settings, and a search that is resumed does not repeat itself.

    Args:
        storage: a URL of SQLAlchemy, or ``journal:`` and the path of a file that the workers share.
        search: its random trials and its pruning.
        key: see :func:`comparability_key`.
        seed: of the search.
        worker: a different number for each worker on one study.

    Raises:
        InputError: the study was made with another key.
        StorageError: the storage cannot be opened.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        study = optuna.create_study(
            study_name=name,
            storage=_journal(storage) if storage.startswith(JOURNAL) else _database(storage),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=search.random, n_warmup_steps=search.prune_after),
            load_if_exists=True,
        )
    except (OSError, ImportError, ValueError, SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        # Without the address, which may contain a password.
        raise StorageError(
            f"the study's storage cannot be opened ({type(error).__name__}); check the address, and that the server "
            "runs and knows the user and the password"
        ) from None
    if study.trials and study.user_attrs.get("basis", key) != key:
        raise InputError(
            f"the study {name} was made with another search space, other parameters or code, so its scores "
            "are not comparable; name a new one with --study"
        )
    study.set_user_attr("basis", key)
    entropy = np.random.SeedSequence([seed, worker, len(study.trials)])
    study.sampler = optuna.samplers.TPESampler(seed=int(entropy.generate_state(1)[0]), n_startup_trials=search.random)
    return study


def _database(address: str) -> optuna.storages.RDBStorage:
    """Return a database in which a trial counts as failed after two intervals without a sign of life.

    The next worker that is free then runs its settings again, as another trial.

    Raises:
        StorageError: the address is that of a database in memory.
    """
    if address in IN_MEMORY:
        raise StorageError("the study would be gone when the command ends; name a file, as in sqlite:///tune.db")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.storages.RDBStorage(
            address,
            engine_kwargs={"pool_pre_ping": True},  # the server may have been restarted during a training
            heartbeat_interval=HEARTBEAT,
            heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES),
        )


def _journal(storage: str) -> optuna.storages.JournalStorage:
    path = storage.removeprefix(JOURNAL)
    return optuna.storages.JournalStorage(JournalFileBackend(path))
