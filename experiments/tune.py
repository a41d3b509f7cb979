"""Search for better settings with Optuna; the best become experiments.

    make tune                                                        # or: python -m experiments.tune
    python -m experiments.tune baseline --trials 20 --storage journal:/shared/tune.log --worker 3

A head is trained on the cached features within this process, which takes seconds where `dvc exp run` would first
start it all; then the best are run by it. Each trial of a CNN is a `dvc exp run`. A search that was ended goes on when
it is started again. See docs/experiments.md.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import optuna
from optuna.trial import TrialState

from experiments import runs, search, trainings
from experiments.search import Search
from experiments.settings import absolute_files, applied
from scenes import determinism, precision, provenance
from scenes.errors import InputError, one_sentence

FILE = Path("experiments/tune.yaml")
FEATURES = Path("data/embeddings")
DONE = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def check_features() -> None:
    """See to it that the cached features are those of params.yaml.

    Raises:
        InputError: they are not.
    """
    command = ["dvc", "status", "--json", "--with-deps", "embed"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or json.loads(done.stdout) or not FEATURES.exists():
        raise InputError(f"{FEATURES} does not hold the features of params.yaml; run `dvc repro embed` first")


def code(name: str) -> str:
    """Return a hash of the code that trains and scores a model, as dvc.yaml lists it; remarks do not count."""
    from dvc.repo import Repo

    with Repo() as repo:
        stages = [stage for target in ("train", "evaluate") for stage in repo.stage.collect(f"{target}@{name}")]
    paths = {dep.def_path for stage in stages for dep in stage.deps}
    return provenance.code_hash([path for path in paths if path.endswith(".py")], ".")


def evaluator(name: str, params: dict, experiment: str):
    """Return a function from (trial number, settings, watch) to scores on validation."""
    if params["models"][name]["kind"] != "head":
        return lambda number, settings, watch: trainings.by_experiment(
            f"{experiment}-{number}", name, settings + absolute_files(params), watch
        )
    determinism.configure(seed=params["seed"], threads=params["threads"], xla=params["xla"])
    precision.use(params["precision"])
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of one more network that it has to trace
    train, val = trainings.features(FEATURES)
    return lambda number, settings, watch: trainings.in_process(applied(settings), name, train, val, watch)


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
    command = [sys.executable, "-m", "experiments.tune", *arguments, "--worker"]
    # Not an argument: everybody on the machine sees those, and it may hold a password.
    environment = {**os.environ, "TUNE_STORAGE": storage}
    started = [subprocess.Popen([*command, str(number)], env=environment) for number in range(1, jobs + 1)]
    statuses = [process.wait() for process in started]
    if any(statuses):
        raise InputError("a worker failed; what it said stands above")


def run_best(study: optuna.Study, wanted: Search, name: str, params: dict, experiment: str) -> None:
    """Run the best trials by ``dvc exp run``, as far as they are not experiments already."""
    for trial in best(study, wanted.experiments):
        settings = trial.user_attrs["settings"] + absolute_files(params)
        title = f"{experiment}-{trial.number}"
        if not runs.there(title, applied(settings)):
            runs.run(title, f"evaluate@{name}", settings)
        found = search.value_at(trainings.of_experiment(title, name), wanted.minimise)
        print(f"{title}: {wanted.minimise} on validation {found:.6f}, in the search {trial.value:.6f}")


def tune(name: str, *, storage: str, title: str | None, trials: int | None, jobs: int, worker: int) -> None:
    """Search, and run the best.

    Args:
        title: of the study; None: of the profile and the model.
        trials: in all; None: as tune.yaml says. 0 only makes the study.
        worker: a number of its own for each that works on one study; those above 0 leave the experiments to 0.

    Raises:
        InputError: see the functions above.
    """
    searches, params = search.load(FILE), applied([])
    if name not in searches or name not in params["models"]:
        raise InputError(f"{name} has no search; {FILE} has {', '.join(searches)}")
    wanted = searches[name]
    for setting in wanted.ends():
        applied([setting])
    if params["models"][name]["kind"] == "head":
        check_features()
    files = FEATURES.iterdir() if params["models"][name]["kind"] == "head" else ()
    title = title or f"{params['profile']}-{name}"
    basis = search.basis(name, wanted, params, files, code(name))
    study = search.open_study(title, storage, wanted, basis=basis, seed=params["seed"], worker=worker)
    if not study.trials and (now := wanted.now(params)):
        study.enqueue_trial(now)  # what is to be beaten
    total = wanted.trials if trials is None else trials
    experiment = f"tune-{title}"
    if jobs > 1:
        workers(jobs, storage, [name, "--study", title, "--trials", str(total)])
    elif sum(trial.state in DONE for trial in study.trials) < total:
        evaluate = evaluator(name, params, experiment)
        study.optimize(
            lambda trial: objective(trial, wanted, evaluate),
            callbacks=[optuna.study.MaxTrialsCallback(total, states=DONE)],
        )
    if worker == 0 and total:
        print(summary(study, wanted))
        run_best(study, wanted, name, params, experiment)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.tune", description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="efficientnetv2l", help="an entry of tune.yaml (%(default)s)")
    parser.add_argument(
        "--storage",
        default=os.environ.get("TUNE_STORAGE", "sqlite:///tune.db"),
        metavar="URL",
        help="where the study is kept: a database's URL, or journal:<file> (default: $TUNE_STORAGE or sqlite:///tune.db)",
    )
    parser.add_argument("--study", help="its name (default: <profile>-<model>)")
    parser.add_argument("--trials", type=int, help="in all, over all workers; 0 only makes the study")
    parser.add_argument("--jobs", type=int, default=1, help="workers at a time here, each on params.yaml's threads")
    parser.add_argument("--worker", type=int, default=0, help="a number of its own for each that works on one study")
    arguments = parser.parse_args()
    tune(
        arguments.model,
        storage=arguments.storage,
        title=arguments.study,
        trials=arguments.trials,
        jobs=arguments.jobs,
        worker=arguments.worker,
    )


if __name__ == "__main__":
    with one_sentence():
        main()
