"""A search for better settings of a CNN: Optuna proposes, an experiment answers."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import BaseTrial, FixedTrial, TrialState

from scenes.common.errors import InputError
from scenes.experiments import repository, runs, trainings
from scenes.experiments.search import Search, StorageError, comparability_key, load, open_study
from scenes.experiments.settings import absolute_files, applied
from scenes.experiments.trainings import Watch
from scenes.provenance.code import digest, fingerprints, text

FILE = Path("scenes/experiments/tune.yaml")
MINIMISED = "val_crossentropy"  # one of the headlines
DONE = (TrialState.COMPLETE, TrialState.PRUNED)
TAKEN_OVER = "Cannot tell a FAIL trial."  # Optuna's ValueError, when a trial ends that was counted as failed meanwhile
TITLE = re.compile(r"[\w.-]+", re.ASCII)  # what can be in the name of an experiment

Evaluate = Callable[[int, list[str], Watch], dict[str, float]]  # from trial number and settings to headlines


def tune(
    name: str, *, settings: list[str], storage: str, study: str | None, trials: int | None, jobs: int, worker: int
) -> None:
    """Search for better settings of the model ``name``; each trial is an experiment.

    Args:
        name: an entry of tune.yaml.
        settings: ``key=value``, for every trial.
        storage: see :func:`scenes.experiments.search.open_study`.
        study: its name; None for the names of the profile and the model.
        trials: number of trials of all workers together, without those that failed; None for the number in tune.yaml; 0
            only makes the study.
        jobs: number of workers, each a process.
        worker: a different number for each worker on one study; only worker 0 prints the best.

    Raises:
        InputError: see the functions below.
    """
    searches, params = load(FILE), applied(settings)
    if params["models"].get(name, {}).get("kind") == "linear":
        raise InputError(
            f"{name} is a linear model, so there is nothing to search: its training tries each C in models.{name}.C "
            "and keeps the best on validation"
        )
    if name not in searches or name not in params["models"]:
        raise InputError(f"{name} has no search; {FILE} has {', '.join(searches)}")
    search = searches[name]
    for ends in search.ends():
        applied([*settings, *ends])
    repository.check()
    title = f"{params['profile']}-{name}" if study is None else study
    if not TITLE.fullmatch(title):
        raise InputError(f"--study {title!r}: use letters, digits, '.', '_' and '-', as the experiments have its name")
    key = comparability_key(name, search, params, code(name))
    opened = open_study(title, storage, search, key=key, seed=params["seed"], worker=worker)
    if not opened.trials and (current := search.current(params)):
        first_settings = [*settings, *search.settings(FixedTrial(current)), *absolute_files(params)]
        experiment_exists(f"tune-{title}-0", first_settings)  # fails before anything is trained
        opened.enqueue_trial(current)  # the one to beat
    total = search.trials if trials is None else trials
    if jobs > 1:
        flags = [word for setting in settings for word in ("-S", setting)]
        run_workers(jobs, storage, [name, "--study", title, "--trials", str(total), *flags])
    elif sum(trial.state in DONE for trial in opened.trials) < total:
        evaluate = evaluator(name, params, settings, f"tune-{title}")
        for handler in logging.getLogger("optuna").handlers:
            handler.addFilter(_without_traceback)
        with lost_study_explained():
            opened.optimize(
                lambda trial: objective(trial, search, evaluate),
                callbacks=[optuna.study.MaxTrialsCallback(total, states=DONE)],
            )
    if worker == 0 and total:
        print(format_summary(opened))


def code(name: str) -> str:
    """Return a hash of the code that trains and scores a model; comments do not count."""
    kind = applied([])["models"][name]["kind"]
    modules = (f"stages.train_{kind}", "stages.evaluate")
    hashes = {key: value for module in modules for key, value in fingerprints(module, Path.cwd()).items()}
    return digest(text(hashes))


def evaluator(name: str, params: dict[str, Any], settings: list[str], experiment: str) -> Evaluate:
    """Return the function that trains and scores a model with proposed settings.

    Args:
        name: the model.
        params: the content of params.yaml with ``settings``.
        settings: ``key=value``, for every trial.
        experiment: the name of the experiments, before the trial's number.
    """

    def run(number: int, proposed: list[str], watch: Watch) -> dict[str, float]:
        title, trial_settings = f"{experiment}-{number}", [*settings, *proposed, *absolute_files(params)]
        if not experiment_exists(title, trial_settings):
            return trainings.by_experiment(title, name, trial_settings, watch)
        print(f"{title}: exists already")
        for epoch in trainings.epochs_of_experiment(title, name):
            watch(*epoch)
        return trainings.headlines_of_experiment(title, name)

    return run


def experiment_exists(title: str, settings: list[str]) -> bool:
    """Return whether the experiment ``title`` exists, made with ``settings``.

    It can exist without its trial if the study is new or its storage was removed.

    Raises:
        InputError: it exists with other parameters.
    """
    params = applied(settings)
    try:
        return runs.exists(title, params)
    except InputError as error:
        raise InputError(f"{error}, or start a new study with --study") from None


def objective(trial: BaseTrial, search: Search, evaluate: Evaluate) -> float:
    """Run one trial and return the value to minimise.

    Raises:
        optuna.TrialPruned: it was ended early or diverged.
    """
    settings = search.settings(trial)
    trial.set_user_attr("settings", settings)

    def watch(epoch: int, crossentropy: float) -> bool:
        trial.report(crossentropy, epoch)
        return not trial.should_prune()

    try:
        headlines = evaluate(trial.number, settings, watch)
    except trainings.Stopped as stopped:
        raise optuna.TrialPruned(str(stopped)) from None
    trial.set_user_attr("val_accuracy", headlines["val_accuracy"])
    return headlines[MINIMISED]


@contextmanager
def lost_study_explained() -> Iterator[None]:
    """Turn what ends a search from outside, in the middle of a trial, into an :class:`InputError`."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if str(error) == TAKEN_OVER:
            raise InputError(
                "this worker gave no sign of life for minutes, so its trial was given to another; start this command "
                "again"
            ) from None
        cause: BaseException | None = error  # Optuna also fails while it handles the error of a lost database
        while cause and not isinstance(cause, SQLAlchemyError | optuna.exceptions.StorageInternalError):
            cause = cause.__context__
        if cause is None:
            raise
        # Without its text, which names the server and quotes the query.
        raise StorageError(
            "the study's storage was lost during a trial; start this command again when it is back"
        ) from None


def format_summary(study: optuna.Study) -> str:
    """Return the number of trials and the five best as text, each with the name of its experiment."""
    trials = study.get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    pruned = sum(trial.state == TrialState.PRUNED for trial in trials)
    lines = [f"{study.study_name}: {len(trials)} trials, {len(complete)} completed, {pruned} pruned; {MINIMISED}:"]
    for trial in sorted(complete, key=lambda trial: (trial.value, trial.number))[:5]:
        experiment = f"tune-{study.study_name}-{trial.number}"
        lines.append(f"  {trial.value:.4f}  {experiment}  {' '.join(trial.user_attrs['settings'])}")
    return "\n".join(lines)


def run_workers(jobs: int, storage: str, arguments: list[str]) -> None:
    """Run several workers, each a process, on a study that exists.

    Raises:
        InputError: one of them failed.
    """
    command = [sys.executable, "-m", "scenes", "tune", *arguments, "--worker"]
    # Not as an argument, which all users of the machine can see: it may contain a password.
    environment = {**os.environ, "TUNE_STORAGE": storage}
    processes = [subprocess.Popen([*command, str(number)], env=environment) for number in range(1, jobs + 1)]
    statuses = [process.wait() for process in processes]
    if any(statuses):
        raise InputError("a worker failed; see its output above")


def _without_traceback(record: logging.LogRecord) -> bool:
    """Remove the traceback from what Optuna logs of errors that end in one sentence."""
    explained = InputError, optuna.exceptions.StorageInternalError, optuna.exceptions.UpdateFinishedTrialError
    if record.exc_info and isinstance(record.exc_info[1], explained):
        record.exc_info = None
    return True
