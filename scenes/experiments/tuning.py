"""What ``make tune`` does: Optuna proposes, a training or an experiment answers, and the best become experiments."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import optuna
from optuna.trial import TrialState

from scenes.common import runtime
from scenes.common.errors import InputError
from scenes.experiments import runs, search, trainings
from scenes.experiments.search import Search
from scenes.experiments.settings import absolute_files, applied
from scenes.provenance.code import digest, fingerprints, text

FILE = Path("experiments/tune.yaml")
FEATURES = Path("data/features")
DONE = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def check_features(given: list[str]) -> None:
    """See to it that the cached features are those of params.yaml, and of params.yaml with ``given`` settings.

    Raises:
        InputError: they are not.
    """
    command = ["dvc", "status", "--json", "--with-deps", "features"]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.returncode and "code" in json.loads(done.stdout):  # a remark, perhaps, which changes no features
        subprocess.run(["dvc", "repro", "--quiet", "code"], capture_output=True)
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or json.loads(done.stdout) or not FEATURES.exists():
        raise InputError(f"{FEATURES} does not hold the features of params.yaml; run `dvc repro features` first")
    before, after = applied([]), applied(given)
    for key in ("profile", *params_of_features()):
        if search.value_at(before, key) != search.value_at(after, key):
            raise InputError(
                f"{FEATURES} holds the features of params.yaml, and -S changes {key}, which they depend on; set it "
                "there and run `dvc repro features`, or `dvc exp apply` an experiment with it"
            )


def params_of_features() -> list[str]:
    """Return the parameters that the features come from: all that is read up to the stage ``features``."""
    from dvc.dependency import ParamsDependency
    from dvc.repo import Repo

    with Repo() as repo:
        deps = [dep for stage in repo.stage.collect("features", with_deps=True) for dep in stage.deps]
    return sorted({key for dep in deps if isinstance(dep, ParamsDependency) for key in dep.params})


def code(name: str) -> str:
    """Return a hash of the code that trains and scores a model; remarks do not count."""
    kind = applied([])["models"][name]["kind"]
    modules = (f"stages.train_{kind}", "stages.evaluate")
    return digest(text({key: value for each in modules for key, value in fingerprints(each, Path.cwd()).items()}))


def evaluator(name: str, params: dict, given: list[str], experiment: str | None):
    """Return a function from (trial number, settings, watch) to scores on validation.

    Args:
        given: settings for every trial.
        experiment: what the trials' experiments are named, before their number; None: a head is trained in here.
    """
    if experiment:

        def run(number, settings, watch):
            title, settings = f"{experiment}-{number}", [*given, *settings, *absolute_files(params)]
            if not experiment_exists(title, settings):
                return trainings.by_experiment(title, name, settings, watch)
            print(f"{title}: is there already")
            for epoch in trainings.epochs_of_experiment(title, name):
                watch(*epoch)
            return trainings.scores_of_experiment(title, name)

        return run
    runtime.configure(seed=params["seed"], threads=params["threads"], xla=params["xla"])
    runtime.set_precision(params["precision"])
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of one more network that it has to trace
    train, val = trainings.features(FEATURES)
    return lambda number, settings, watch: trainings.in_process(applied([*given, *settings]), name, train, val, watch)


def experiment_exists(title: str, settings: list[str]) -> bool:
    """Return whether the experiment ``title`` is there, made with ``settings``.

    One is there without its trial where the study is new, or its file was removed.

    Raises:
        InputError: there is one with other parameters.
    """
    params = applied(settings)
    try:
        return runs.exists(title, params)
    except InputError as error:
        raise InputError(f"{error}, and --study with another name begins one with experiments of its own") from None


def objective(trial: optuna.Trial, wanted: Search, evaluate) -> float:
    """Run one trial, and return what is to be small."""
    settings = wanted.settings(trial)
    trial.set_user_attr("settings", settings)

    def watch(epoch: int, crossentropy: float) -> bool:
        trial.report(crossentropy, epoch)
        return not trial.should_prune()

    try:
        scores = evaluate(trial.number, settings, watch)
    except trainings.Stopped as stopped:
        raise optuna.TrialPruned(str(stopped)) from None
    trial.set_user_attr("val_accuracy", scores["accuracy"])
    return search.value_at(scores, wanted.minimise)


def best(study: optuna.Study, count: int) -> list[optuna.trial.FrozenTrial]:
    """Return the best trials of different settings, the best first."""
    found = {}
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    for trial in sorted(complete, key=lambda trial: (trial.value, trial.number)):
        found.setdefault(tuple(trial.user_attrs["settings"]), trial)
    return list(found.values())[:count]


def summary(study: optuna.Study, wanted: Search) -> str:
    """Return some lines for a person."""
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    lines = [
        f"{study.study_name}: {len(states)} trials, {states.count(TrialState.COMPLETE)} to the end,"
        f" {states.count(TrialState.PRUNED)} ended early; {wanted.minimise} on validation:"
    ]
    for trial in best(study, 5):
        lines.append(f"  {trial.value:.4f}  trial {trial.number}  {' '.join(trial.user_attrs['settings'])}")
    return "\n".join(lines)


def workers(jobs: int, storage: str, arguments: list[str]) -> None:
    """Run several workers on a study that is there."""
    command = [sys.executable, "-m", "scenes.experiments.tune", *arguments, "--worker"]
    # Not an argument: everybody on the machine sees those, and it may hold a password.
    environment = {**os.environ, "TUNE_STORAGE": storage}
    started = [subprocess.Popen([*command, str(number)], env=environment) for number in range(1, jobs + 1)]
    statuses = [process.wait() for process in started]
    if any(statuses):
        raise InputError("a worker failed; what it said stands above")


def run_best(study: optuna.Study, wanted: Search, name: str, params: dict, given: list[str], experiment: str) -> None:
    """Run the best trials by ``dvc exp run``, as far as they are not experiments already."""
    for trial in best(study, wanted.experiments):
        settings = [*given, *trial.user_attrs["settings"], *absolute_files(params)]
        title = f"{experiment}-{trial.number}"
        if not experiment_exists(title, settings):
            runs.run(title, f"evaluate@{name}", settings)
        found = search.value_at(trainings.scores_of_experiment(title, name), wanted.minimise)
        print(f"{title}: {wanted.minimise} on validation {found:.6f}, in the search {trial.value:.6f}")


def tune(
    name: str,
    *,
    given: list[str],
    storage: str,
    title: str | None,
    trials: int | None,
    each: bool,
    jobs: int,
    worker: int,
) -> None:
    """Search, and run the best.

    Args:
        given: settings for every trial, ``key=value``.
        title: of the study; None: of the profile and the model.
        trials: in all; None: as tune.yaml says. 0 only makes the study.
        each: make every trial an experiment, a head's as well.
        worker: a number of its own for each that works on one study; those above 0 leave the experiments to 0.

    Raises:
        InputError: see the functions above.
    """
    searches, params = search.load(FILE), applied(given)
    if name not in searches or name not in params["models"]:
        raise InputError(f"{name} has no search; {FILE} has {', '.join(searches)}")
    wanted, head = searches[name], params["models"][name]["kind"] == "head"
    for setting in wanted.ends():
        applied([*given, setting])
    if head:
        check_features(given)
    title = title or f"{params['profile']}-{name}"
    experiment = f"tune-{title}"
    basis = search.basis(name, wanted, params, FEATURES.iterdir() if head else (), code(name))
    study = search.open_study(title, storage, wanted, basis=basis, seed=params["seed"], worker=worker)
    if not study.trials and (now := wanted.now(params)):
        if each or not head:  # before anything is trained
            experiment_exists(
                f"{experiment}-0", [*given, *wanted.settings(optuna.trial.FixedTrial(now)), *absolute_files(params)]
            )
        study.enqueue_trial(now)  # what is to be beaten
    total = wanted.trials if trials is None else trials
    if jobs > 1:
        flags = [word for setting in given for word in ("-S", setting)] + ["--each-an-experiment"] * each
        workers(jobs, storage, [name, "--study", title, "--trials", str(total), *flags])
    elif sum(trial.state in DONE for trial in study.trials) < total:
        evaluate = evaluator(name, params, given, experiment if each or not head else None)
        for handler in logging.getLogger("optuna").handlers:
            handler.addFilter(_in_a_sentence)
        study.optimize(
            lambda trial: objective(trial, wanted, evaluate),
            callbacks=[optuna.study.MaxTrialsCallback(total, states=DONE)],
        )
    if worker == 0 and total:
        print(summary(study, wanted))
        run_best(study, wanted, name, params, given, experiment)


def _in_a_sentence(record: logging.LogRecord) -> bool:
    """Take the traceback from what Optuna logs of an InputError."""
    if record.exc_info and isinstance(record.exc_info[1], InputError):
        record.exc_info = None
    return True
