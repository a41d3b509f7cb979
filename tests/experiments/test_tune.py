"""`make tune` in this process: heads are trained here, experiments are remembered, and a study goes on as it began."""

import io
import json
import logging
import re
import shutil
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import optuna
import pytest
import yaml
from optuna.trial import TrialState

from scenes import experiments
from scenes.common.errors import InputError
from scenes.experiments import trainings, tuning
from scenes.models.features import save_features
from tests.code_facts import ROOT
from tests.helpers import experiments as remembered
from tests.helpers import git
from tests.helpers.command import run_module
from tests.helpers.small_training import features

pytestmark = pytest.mark.usefixtures("deterministic")
HEAD, CNN = "efficientnetv2l", "baseline"
# The head learns nothing at such rates in so few epochs, so the best trial is most likely the first: what there is.
RATES = {"low": 1e-6, "high": 0.002, "log": True}
OTHER = "exists with other parameters"


def crossentropy(scores: dict) -> float:
    return scores["calibration"]["temperature_scaled"]["crossentropy"]


def train(params: dict, name: str, watch) -> tuple[dict, list[float]]:
    """Train a head here; of a CNN say something that depends on its settings alone."""
    model, epochs = params["models"][name], []

    def seen(epoch, value):
        epochs.append(value)
        return watch(epoch, value)

    if model["kind"] == "head":
        return trainings.in_process(params, name, *trainings.features("data/features"), seen), epochs
    value = model["training"]["learning_rate"] + model["network"]["dropout"]
    for epoch in range(1, model["training"]["epochs"] + 1):
        if not seen(epoch, round(value + 1 / epoch, 4)):
            break
    return {"accuracy": 0.5, "calibration": {"temperature_scaled": {"crossentropy": value}}}, epochs


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with parameters, searches that are random, and features; experiments are remembered."""
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    head = params["models"][HEAD]
    head["network"].update(units=16, dropout=0.0)
    head["training"].update(epochs=3, learning_rate=0.002)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "scenes/experiments").mkdir(parents=True)
    searches = yaml.safe_load((ROOT / "scenes/experiments/tune.yaml").read_text())
    searches[HEAD].update(experiments=1, random=1000)
    searches[HEAD]["space"] = {f"models.{HEAD}.training.learning_rate": RATES}
    searches[CNN].update(random=1000)
    kept = (f"models.{CNN}.network.dropout", f"models.{CNN}.training.learning_rate")
    searches[CNN]["space"] = {key: searches[CNN]["space"][key] for key in kept}
    (tmp_path / "scenes/experiments/tune.yaml").write_text(yaml.safe_dump(searches))
    folder = tmp_path / "data/features"
    folder.mkdir(parents=True)
    for seed, (split, count) in enumerate({"train": 90, "val": 30}.items()):
        save_features(folder / f"{split}.npz", features(count, seed))
    # What DVC finds changed, and what dvc.yaml says of the features and the code.
    status = {}

    def dvc_status(command, **_):
        return SimpleNamespace(returncode=0, stdout=json.dumps(status))

    monkeypatch.setattr(tuning, "subprocess", SimpleNamespace(run=dvc_status))
    monkeypatch.setattr(tuning, "params_of_features", lambda: ["seed", "profiles.demo.finetune"])
    monkeypatch.setattr(tuning, "code", lambda name: "hash")
    memory = remembered.remember(monkeypatch, train)
    return SimpleNamespace(memory=memory, params=params, status=status)


def tune(name, *, trials, storage="journal:tune.log", settings=(), title=None, each=False, worker=0):
    tuning.tune(
        name,
        settings=list(settings),
        storage=storage,
        study=title,
        trials=trials,
        each_an_experiment=each,
        jobs=1,
        worker=worker,
    )
    return study(title or f"demo-{name}", storage)


def study(title, storage="journal:tune.log"):
    backend = optuna.storages.journal.JournalFileBackend(storage.removeprefix("journal:"))
    return optuna.load_study(study_name=title, storage=optuna.storages.JournalStorage(backend)).trials


@contextmanager
def logged():
    """What Optuna logs meanwhile."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("optuna").addHandler(handler)
    try:
        yield log
    finally:
        logging.getLogger("optuna").removeHandler(handler)


def test_a_search_goes_on_and_its_best_becomes_an_experiment(project, capsys):
    tune(HEAD, trials=0)  # only makes the study
    (before,) = tune(HEAD, trials=1, worker=1)
    # Another worker leaves the experiments to the first.
    assert project.memory.started == []
    assert capsys.readouterr().out == ""
    after = tune(HEAD, trials=2)
    assert [trial.state for trial in after] == [TrialState.COMPLETE] * 2
    assert (after[0].value, after[0].datetime_complete) == (before.value, before.datetime_complete)
    assert len({tuple(trial.user_attrs["settings"]) for trial in after}) == 2
    assert after[0].user_attrs["settings"] == [f"models.{HEAD}.training.learning_rate=0.002"]  # what is to be beaten
    best = min(after, key=lambda trial: trial.value)
    pattern = rf"tune-demo-{HEAD}-{best.number}: \S+ on validation ([\d.]+), in the search ([\d.]+)"
    found = re.search(pattern, capsys.readouterr().out)
    assert found[1] == found[2] == f"{best.value:.6f}"
    assert project.memory.started == [f"tune-demo-{HEAD}-{best.number}"]


def test_a_trial_of_a_head_may_be_an_experiment(project):
    """In a study of others that are none."""
    given = [f"models.{HEAD}.training.epochs=2"]
    tune(HEAD, trials=1, settings=given, title="mixed", worker=1)  # not worker 0, which would run the best
    trials = tune(HEAD, trials=2, settings=given, title="mixed", each=True, worker=1)
    assert [sorted(trial.intermediate_values) for trial in trials] == [[1, 2], [1, 2]]
    assert project.memory.started == ["tune-mixed-1"]
    scores = json.loads(project.memory.files["tune-mixed-1"][f"metrics/{HEAD}.json"])["val"]
    assert trials[1].value == crossentropy(scores)
    assert trials[1].user_attrs["val_accuracy"] == scores["accuracy"]
    model = yaml.safe_load(project.memory.files["tune-mixed-1"]["params.yaml"])["models"][HEAD]
    assert model["training"]["epochs"] == 2
    (setting,) = trials[1].user_attrs["settings"]
    assert model["training"]["learning_rate"] == float(setting.split("=")[1])


def test_every_trial_of_a_cnn_is_an_experiment_of_its_score(project):
    trials = tune(CNN, trials=2)
    assert project.memory.started == [f"tune-demo-{CNN}-{number}" for number in range(2)]
    for trial, name in zip(trials, project.memory.started, strict=True):
        scores = json.loads(project.memory.files[name][f"metrics/{CNN}.json"])["val"]
        assert trial.value == crossentropy(scores)
        assert sorted(trial.intermediate_values) == list(range(1, len(trial.intermediate_values) + 1))


def test_a_study_begun_anew_takes_the_experiments_that_are_there(project, capsys):
    (first,) = tune(CNN, trials=1)
    (again,) = tune(CNN, trials=1, storage="journal:anew.log")
    assert project.memory.started == [f"tune-demo-{CNN}-0"]
    assert f"tune-demo-{CNN}-0: exists already" in capsys.readouterr().out.splitlines()
    assert (again.value, again.user_attrs) == (first.value, first.user_attrs)
    assert again.intermediate_values == pytest.approx(first.intermediate_values, abs=1e-4)


def test_other_parameters_are_refused_before_any_training(project):
    tune(CNN, trials=1)
    given = [f"models.{CNN}.training.epochs=2"]
    expected = (
        rf"the experiment tune-demo-{CNN}-0 {OTHER} \(see `dvc params diff tune-demo-{CNN}-0`\); "
        rf"remove it with `dvc exp remove tune-demo-{CNN}-0`, or start a new study with --study"
    )
    with pytest.raises(InputError, match=expected):
        tune(CNN, trials=1, storage="journal:other.log", settings=given)
    assert study(f"demo-{CNN}", "journal:other.log") == []
    assert len(project.memory.started) == 1
    # So the study takes other settings yet.
    tune(CNN, trials=0, storage="journal:other.log")


def test_an_experiment_found_in_the_way_later_ends_the_search(project):
    """The space does not hold this dropout, so what is tried first is not known before the study proposes it."""
    tune(CNN, trials=1)
    with logged() as log, pytest.raises(InputError, match=OTHER):
        tune(CNN, trials=1, storage="journal:later.log", settings=[f"models.{CNN}.network.dropout=0.6"])
    assert OTHER in log.getvalue()
    assert "Traceback" not in log.getvalue()
    assert [trial.state for trial in study(f"demo-{CNN}", "journal:later.log")] == [TrialState.FAIL]
    assert len(project.memory.started) == 1


def test_a_study_holds_on_to_the_settings_that_it_was_given(project):
    tune(CNN, trials=1, settings=[f"models.{CNN}.training.epochs=2"])
    with pytest.raises(InputError, match="its scores are not comparable"):
        tune(CNN, trials=2)


def test_a_hopeless_head_is_pruned(project):
    """The first and the third are the settings there are; the second learns at a millionth of their rate."""
    params, name = project.params, HEAD
    train, val = trainings.features("data/features")
    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=2))
    wanted = SimpleNamespace(settings=lambda trial: [], minimise="calibration.temperature_scaled.crossentropy")

    def evaluate(number, settings, watch):
        params["models"][name]["training"]["learning_rate"] = (2e-3, 2e-9, 2e-3)[number]
        return trainings.in_process(params, name, train, val, watch)

    study.optimize(lambda trial: tuning.objective(trial, wanted, evaluate), n_trials=3)
    first, hopeless, third = study.trials
    assert (hopeless.state, sorted(hopeless.intermediate_values)) == (TrialState.PRUNED, [1, 2])
    assert sorted(third.intermediate_values) == [1, 2, 3]
    assert first.value == third.value


def test_an_experiment_that_is_not_worth_it_is_pruned(project):
    trial = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.0)).ask()
    wanted = SimpleNamespace(settings=lambda trial: [], minimise="accuracy")
    evaluate = tuning.evaluator(CNN, project.params, [], "e")
    with pytest.raises(optuna.TrialPruned, match="e-0 was ended early"):
        tuning.objective(trial, wanted, evaluate)
    assert (project.memory.started, project.memory.files) == (["e-0"], {})


def test_features_that_are_out_of_date_are_not_searched(project):
    project.status["features"] = [{"changed deps": {"params.yaml": {"profiles.demo.test_time_flip": "modified"}}}]
    with pytest.raises(InputError) as caught:
        tune(HEAD, trials=1)
    assert str(caught.value) == (
        "data/features does not hold the features of params.yaml; run `dvc repro features` first"
    )


def test_missing_features_are_not_searched(project):
    shutil.rmtree("data/features")
    with pytest.raises(InputError, match="run `dvc repro features` first"):
        tune(HEAD, trials=1)


def test_settings_that_the_features_depend_on_are_refused(project):
    with pytest.raises(InputError) as caught:
        tune(HEAD, trials=1, settings=[f"models.{HEAD}.network.units=64", "profiles.demo.finetune.epochs=1"])
    assert str(caught.value) == (
        "data/features holds the features of params.yaml, and -S changes profiles.demo.finetune, which they "
        "depend on; change it there and run `dvc repro features`, or `dvc exp apply` an experiment with it"
    )
    with pytest.raises(InputError, match="-S changes profile, which they depend on"):
        tune(HEAD, trials=1, settings=["profile=intel"])


def test_the_features_depend_on_what_comes_before_them(monkeypatch):
    monkeypatch.chdir(ROOT)
    read = set(tuning.params_of_features())
    assert {"seed", "split", "records", "finetune", "profiles.demo.source", "profiles.demo.test_time_flip"} <= read
    assert not read & {"models", f"models.{HEAD}", "multilabel", "composites"}


def test_other_code_ends_a_search_and_a_remark_does_not(tmp_path, monkeypatch):
    for name in ("scenes", "stages", ".dvc"):
        ignored = shutil.ignore_patterns("__pycache__", "cache", "tmp", "config.local")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    git.init(tmp_path)
    monkeypatch.chdir(tmp_path)
    before, file = tuning.code(HEAD), tmp_path / "scenes/training/classifiers.py"
    text = file.read_text()
    file.write_text(text + "# a remark\n")
    assert tuning.code(HEAD) == before
    file.write_text(text + "UNITS = 7\n")
    assert tuning.code(HEAD) != before


def test_a_model_without_a_search_is_one_sentence(project, tmp_path):
    done = run_module("scenes", "tune", "resnet", folder=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "error: resnet has no search; scenes/experiments/tune.yaml has baseline, efficientnetv2l\n",
    )


def test_without_optuna_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    for name in ("search", "tuning"):
        monkeypatch.delitem(sys.modules, f"scenes.experiments.{name}")
        monkeypatch.delattr(experiments, name)
    done = run_module("scenes", "tune", folder=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: Optuna, which proposes the trials, is not installed; `make tune` installs it\n"
