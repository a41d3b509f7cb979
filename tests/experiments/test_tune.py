"""A search killed with SIGKILL and taken up by two workers at once; its best trial, an experiment of the same score."""

import json
import re
import shutil
import subprocess
import sys
import time

import optuna
import pytest
import yaml
from optuna.trial import TrialState

from scenes.commands import verify
from scenes.experiments import search, trainings, tuning
from tests.code_facts import ROOT

# One of the tests trains in this process.
pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("deterministic")]
NAME = "efficientnetv2l"


@pytest.fixture(scope="module")
def workspace(pipeline, tmp_path_factory):
    """A clone whose search is random, never prunes (see the test of that) and makes one experiment.

    Nearly all its rates are too low for so few epochs, so the best is most likely the first, with the settings there
    are: they need no training.
    """
    folder = tmp_path_factory.mktemp("tune") / "clone"
    shutil.copytree(pipeline.one, folder, symlinks=True)
    file = folder / "scenes/experiments/tune.yaml"
    searches = yaml.safe_load(file.read_text())
    searches[NAME].update(experiments=1, random=1000)
    searches[NAME]["space"] = {f"models.{NAME}.training.learning_rate": {"low": 1e-6, "high": 0.002, "log": True}}
    file.write_text(yaml.safe_dump(searches))
    return folder


def command(*arguments):
    return [sys.executable, "-m", "scenes", "tune", "--storage", "journal:tune.log", *arguments]


def run(folder, *arguments):
    return subprocess.run(
        command(*arguments), cwd=folder, env=verify.environment(), capture_output=True, text=True, timeout=400
    )


def study(folder, name=f"demo-{NAME}"):
    backend = optuna.storages.journal.JournalFileBackend(str(folder / "tune.log"))
    return optuna.load_study(study_name=name, storage=optuna.storages.JournalStorage(backend))


def complete(folder):
    return [trial for trial in study(folder).trials if trial.state == TrialState.COMPLETE]


def test_a_killed_search_goes_on_with_two_workers_and_its_best_becomes_an_experiment(workspace):
    made = run(workspace, "--trials", "0")
    assert (made.returncode, made.stdout) == (0, ""), made.stderr
    killed = subprocess.Popen(
        command("--trials", "500"), cwd=workspace, env=verify.environment(), stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 200
        while len(complete(workspace)) < 2:
            assert killed.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        killed.kill()
        killed.wait()
    before = {trial.number: trial for trial in complete(workspace)}
    total = len(before) + 5
    done = run(workspace, "--trials", str(total), "--jobs", "2")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]

    after = {trial.number: trial for trial in complete(workspace)}
    assert before.items() <= after.items()
    assert total <= len(after) <= total + 1  # the other worker may be in the middle of one
    assert len({tuple(trial.user_attrs["settings"]) for trial in after.values()}) == len(after)
    new = [trial for number, trial in after.items() if number not in before]
    assert any(
        a.datetime_start < b.datetime_complete and b.datetime_start < a.datetime_complete
        for a in new
        for b in new
        if a.number < b.number
    ), "the workers took turns"

    # What is to be beaten was the first; what metrics/ holds of it is what the search saw.
    scores = json.loads((workspace / f"metrics/{NAME}.json").read_text())["val"]
    assert after[0].value == scores["calibration"]["temperature_scaled"]["crossentropy"]
    assert after[0].user_attrs["val_accuracy"] == scores["accuracy"]

    best = min(after.values(), key=lambda trial: trial.value)
    pattern = rf"tune-demo-{NAME}-{best.number}: \S+ on validation ([\d.]+), in the search ([\d.]+)"
    found = re.search(pattern, done.stdout)
    assert found[1] == found[2] == f"{best.value:.6f}"
    listed = subprocess.run(
        ["dvc", "exp", "list", "--name-only"], cwd=workspace, env=verify.environment(), capture_output=True, text=True
    )
    assert f"tune-demo-{NAME}-{best.number}" in listed.stdout.split()


def test_features_of_other_parameters_are_not_searched(workspace, tmp_path):
    folder = tmp_path / "clone"
    shutil.copytree(workspace, folder, symlinks=True)
    file = folder / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["profiles"]["demo"]["test_time_flip"] = True
    file.write_text(yaml.safe_dump(params, sort_keys=False))
    done = run(folder)
    assert done.returncode == 1
    assert (
        done.stderr
        == "error: data/features does not hold the features of params.yaml; run `dvc repro features` first\n"
    )


def test_settings_that_the_features_depend_on_are_refused(workspace):
    done = run(workspace, "-S", f"models.{NAME}.network.units=64", "-S", "profiles.demo.finetune.epochs=1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: data/features holds the features of params.yaml, and -S changes profiles.demo.finetune, which they "
        "depend on; change it there and run `dvc repro features`, or `dvc exp apply` an experiment with it\n"
    )
    profile = run(workspace, "-S", "profile=intel")
    assert (profile.returncode, profile.stderr.count("\n")) == (1, 1)
    assert "-S changes profile, which they depend on" in profile.stderr


def test_the_features_depend_on_what_comes_before_them(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    read = set(tuning.params_of_features())
    assert {"seed", "split", "records", "finetune", "profiles.demo.source", "profiles.demo.test_time_flip"} <= read
    assert not read & {"models", f"models.{NAME}", "multilabel", "composites"}


def test_a_trial_of_a_head_may_be_an_experiment_in_a_study_of_others_that_are_none(workspace):
    given = f"models.{NAME}.training.epochs=2"
    for arguments in (["1"], ["2", "--each-an-experiment"]):
        # Not worker 0, which would make an experiment of the best.
        done = run(workspace, "--study", "mixed", "--worker", "1", "-S", given, "--trials", *arguments)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    trials = study(workspace, "mixed").trials
    assert [sorted(trial.intermediate_values) for trial in trials] == [[1, 2], [1, 2]]
    (ref,) = (workspace / ".git/refs/exps").glob("*/*/tune-mixed-*")
    assert ref.name == "tune-mixed-1"

    def of_experiment(path):
        shown = ["git", "show", f"{ref.read_text().strip()}:{path}"]
        return subprocess.run(shown, cwd=workspace, check=True, capture_output=True, text=True).stdout

    scores = json.loads(of_experiment(f"metrics/{NAME}.json"))["val"]
    assert trials[1].value == scores["calibration"]["temperature_scaled"]["crossentropy"]
    model = yaml.safe_load(of_experiment("params.yaml"))["models"][NAME]
    assert model["training"]["epochs"] == 2
    (setting,) = trials[1].user_attrs["settings"]
    assert model["training"]["learning_rate"] == float(setting.split("=")[1])


def test_without_optuna_it_says_how_to_get_it():
    code = "import sys; sys.modules['optuna'] = None; from scenes.commands.main import main; main(['tune'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: Optuna, which proposes the trials, is not installed; `make tune` installs it\n"


def test_a_remark_in_the_code_lets_a_search_go_on_and_other_code_does_not(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    before, file = tuning.code(NAME), workspace / "scenes/training/classifiers.py"
    text = file.read_text()
    file.write_text(text + "# a remark\n")
    assert tuning.code(NAME) == before
    file.write_text(text + "UNITS = 7\n")
    assert tuning.code(NAME) != before
    file.write_text(text)


def test_a_model_without_a_search_is_one_sentence(workspace):
    done = run(workspace, "resnet")
    assert (done.returncode, done.stderr) == (
        1,
        "error: resnet has no search; scenes/experiments/tune.yaml has baseline, efficientnetv2l\n",
    )


def test_a_hopeless_head_is_pruned_and_what_this_process_trained_before_does_not_matter(workspace):
    """The first and the third are the settings there are; the second learns at a millionth of their rate."""
    from scenes.common.runtime import configure

    configure(seed=1, threads=2)
    params = yaml.safe_load((workspace / "params.yaml").read_text())
    train, val = trainings.features(workspace / "data/features")
    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=2))
    wanted = search.load(workspace / "scenes/experiments/tune.yaml")[NAME]

    def evaluate(number, settings, watch):
        params["models"][NAME]["training"]["learning_rate"] = (2e-3, 2e-9, 2e-3)[number]
        return trainings.in_process(params, NAME, train, val, watch)

    study.optimize(lambda trial: tuning.objective(trial, wanted, evaluate), n_trials=3)
    first, hopeless, third = study.trials
    assert (hopeless.state, sorted(hopeless.intermediate_values)) == (TrialState.PRUNED, [1, 2])
    assert sorted(third.intermediate_values) == [1, 2, 3]
    scores = json.loads((workspace / f"metrics/{NAME}.json").read_text())["val"]
    assert first.value == third.value == scores["calibration"]["temperature_scaled"]["crossentropy"]
