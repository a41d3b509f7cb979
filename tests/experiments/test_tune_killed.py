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

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]
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


def test_a_killed_search_goes_on_with_two_workers(workspace):
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


def test_dvc_knows_features_of_other_parameters(workspace, tmp_path):
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


@pytest.mark.slow
def test_a_trial_of_a_head_may_be_an_experiment(workspace):
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
