"""A search for better settings: Optuna proposes, a training or an experiment answers, the best become experiments."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import BaseTrial, FixedTrial, FrozenTrial, TrialState

from scenes.common import runtime
from scenes.common.errors import InputError
from scenes.experiments import runs, trainings
from scenes.experiments.search import Search, comparability_key, load, open_study, value_at
from scenes.experiments.settings import absolute_files, applied
from scenes.experiments.trainings import Watch
from scenes.provenance.code import digest, fingerprints, text

FILE = Path("scenes/experiments/tune.yaml")
FEATURES = Path("data/features")
DONE = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)

Evaluate = Callable[[int, list[str], Watch], dict[str, Any]]  # from trial number and settings to scores on validation


def tune(
    name: str,
    *,
    settings: list[str],
    storage: str,
    study: str | None,
    trials: int | None,
    each_an_experiment: bool,
    jobs: int,
    worker: int,
) -> None:
    """Search for better settings of the model ``name``, and run the best as experiments.

    Args:
        name: an entry of tune.yaml.
        settings: ``key=value``, for every trial.
        storage: see :func:`scenes.experiments.search.open_study`.
        study: its name; None for the names of the profile and the model.
        trials: number of trials of all workers together; None for the number in tune.yaml; 0 only makes the study.
        each_an_experiment: whether each trial of a head becomes an experiment too.
        jobs: number of workers, each a process.
        worker: a different number for each worker on one study; only worker 0 runs the best.

    Raises:
        InputError: see the functions below.
    """
    searches, params = load(FILE), applied(settings)
    if name not in searches or name not in params["models"]:
        raise InputError(f"{name} has no search; {FILE} has {', '.join(searches)}")
    search, is_head = searches[name], params["models"][name]["kind"] == "head"
    for setting in search.ends():
        applied([*settings, setting])
    if is_head:
        check_features(settings)
    title = study or f"{params['profile']}-{name}"
    experiment = f"tune-{title}"
    by_experiment = each_an_experiment or not is_head
    key = comparability_key(name, search, params, FEATURES.iterdir() if is_head else (), code(name))
    opened = open_study(title, storage, search, key=key, seed=params["seed"], worker=worker)
    if not opened.trials and (current := search.current(params)):
        if by_experiment:  # fails before anything is trained
            first_settings = [*settings, *search.settings(FixedTrial(current)), *absolute_files(params)]
            experiment_exists(f"{experiment}-0", first_settings)
        opened.enqueue_trial(current)  # the one to beat
    total = search.trials if trials is None else trials
    if jobs > 1:
        flags = [word for setting in settings for word in ("-S", setting)]
        flags += ["--each-an-experiment"] * each_an_experiment
        run_workers(jobs, storage, [name, "--study", title, "--trials", str(total), *flags])
    elif sum(trial.state in DONE for trial in opened.trials) < total:
        evaluate = evaluator(name, params, settings, experiment if by_experiment else None)
        for handler in logging.getLogger("optuna").handlers:
            handler.addFilter(_without_traceback)
        opened.optimize(
            lambda trial: objective(trial, search, evaluate),
            callbacks=[optuna.study.MaxTrialsCallback(total, states=DONE)],
        )
    if worker == 0 and total:
        print(format_summary(opened, search))
        run_best(opened, search, name, params, settings, experiment)


def check_features(settings: list[str]) -> None:
    """Make sure that the cached features are those of params.yaml, and that ``settings`` do not change them.

    Raises:
        InputError: they are not, or would change.
    """
    command = ["dvc", "status", "--json", "--with-deps", "features"]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.returncode and "code" in json.loads(done.stdout):  # perhaps a comment, which changes no features
        subprocess.run(["dvc", "repro", "--quiet", "code"], capture_output=True)
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or json.loads(done.stdout) or not FEATURES.exists():
        raise InputError(f"{FEATURES} does not hold the features of params.yaml; run `dvc repro features` first")
    before, after = applied([]), applied(settings)
    for key in ("profile", *params_of_features()):
        if value_at(before, key) != value_at(after, key):
            raise InputError(
                f"{FEATURES} holds the features of params.yaml, and -S changes {key}, which they depend on; change it "
                "there and run `dvc repro features`, or `dvc exp apply` an experiment with it"
            )


def params_of_features() -> list[str]:
    """Return the parameters that the features depend on: all that the stages up to ``features`` read."""
    from dvc.dependency import ParamsDependency
    from dvc.repo import Repo

    with Repo() as repo:
        deps = [dep for stage in repo.stage.collect("features", with_deps=True) for dep in stage.deps]
    return sorted({key for dep in deps if isinstance(dep, ParamsDependency) for key in dep.params})


def code(name: str) -> str:
    """Return a hash of the code that trains and scores a model; comments do not count."""
    kind = applied([])["models"][name]["kind"]
    modules = (f"stages.train_{kind}", "stages.evaluate")
    hashes = {key: value for module in modules for key, value in fingerprints(module, Path.cwd()).items()}
    return digest(text(hashes))


def evaluator(name: str, params: dict[str, Any], settings: list[str], experiment: str | None) -> Evaluate:
    """Return the function that trains and scores a model with proposed settings.

    Args:
        name: the model.
        params: the content of params.yaml with ``settings``.
        settings: ``key=value``, for every trial.
        experiment: the name of the experiments, before the trial's number; None to train a head in this process.
    """
    if experiment:

        def run(number: int, proposed: list[str], watch: Watch) -> dict[str, Any]:
            title, trial_settings = f"{experiment}-{number}", [*settings, *proposed, *absolute_files(params)]
            if not experiment_exists(title, trial_settings):
                return trainings.by_experiment(title, name, trial_settings, watch)
            print(f"{title}: exists already")
            for epoch in trainings.epochs_of_experiment(title, name):
                watch(*epoch)
            return trainings.scores_of_experiment(title, name)

        return run
    runtime.configure(seed=params["seed"], threads=params["threads"], xla=params["xla"])
    runtime.set_precision(params["precision"])
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns about each network that it has to trace
    train, val = trainings.features(FEATURES)
    return lambda _, proposed, watch: trainings.in_process(applied([*settings, *proposed]), name, train, val, watch)


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
        scores = evaluate(trial.number, settings, watch)
    except trainings.Stopped as stopped:
        raise optuna.TrialPruned(str(stopped)) from None
    trial.set_user_attr("val_accuracy", scores["accuracy"])
    return value_at(scores, search.minimise)


def best(study: optuna.Study, count: int) -> list[FrozenTrial]:
    """Return the best trials with different settings, the best first."""
    by_settings: dict[tuple[str, ...], FrozenTrial] = {}
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    for trial in sorted(complete, key=lambda trial: (trial.value, trial.number)):
        by_settings.setdefault(tuple(trial.user_attrs["settings"]), trial)
    return list(by_settings.values())[:count]


def format_summary(study: optuna.Study, search: Search) -> str:
    """Return the number of trials and the five best as text."""
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    lines = [
        f"{study.study_name}: {len(states)} trials, {states.count(TrialState.COMPLETE)} completed, "
        f"{states.count(TrialState.PRUNED)} pruned; {search.minimise} on validation:"
    ]
    for trial in best(study, 5):
        lines.append(f"  {trial.value:.4f}  trial {trial.number}  {' '.join(trial.user_attrs['settings'])}")
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


def run_best(
    study: optuna.Study, search: Search, name: str, params: dict[str, Any], settings: list[str], experiment: str
) -> None:
    """Run the best trials by ``dvc exp run``, except those that are experiments already."""
    for trial in best(study, search.experiments):
        trial_settings = [*settings, *trial.user_attrs["settings"], *absolute_files(params)]
        title = f"{experiment}-{trial.number}"
        if not experiment_exists(title, trial_settings):
            runs.run(title, f"evaluate@{name}", trial_settings)
        value = value_at(trainings.scores_of_experiment(title, name), search.minimise)
        print(f"{title}: {search.minimise} on validation {value:.6f}, in the search {trial.value:.6f}")


def _without_traceback(record: logging.LogRecord) -> bool:
    """Remove the traceback of an InputError from what Optuna logs."""
    if record.exc_info and isinstance(record.exc_info[1], InputError):
        record.exc_info = None
    return True
