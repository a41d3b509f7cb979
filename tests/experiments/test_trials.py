"""trials.yaml against params.yaml and what is published; the table against an experiment that has run."""

import json
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from scenes.commands import verify
from scenes.common.errors import InputError
from scenes.experiments import trials
from tests.code_facts import ROOT
from tests.helpers.command import run_module

TRIALS = trials.load(ROOT / "scenes/experiments/trials.yaml")
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
# The tiny one of the test below.
QUICK = """
two-epochs:
  title: two epochs of a head
  published: 12.3 %
  evaluate: efficientnetv2l
  set:
    - profiles.{profile}.finetune.epochs=2
    - models.efficientnetv2l.training.epochs=2
"""


def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("profile", PARAMS["profiles"])
@pytest.mark.parametrize("name", TRIALS)
def test_every_trial_can_be_run_on_every_profile(name, profile, monkeypatch):
    at_root(monkeypatch)
    settings, params = trials.plan(TRIALS[name], [f"profile={profile}"])
    assert settings[0] == f"profile={profile}"
    assert params["profile"] == profile
    for setting in TRIALS[name].settings(profile):
        key, value = setting.split("=")
        here = params
        for part in key.split("."):
            here = here[part]
        assert here == yaml.safe_load(value), setting


def test_the_early_stopping_is_the_write_ups(monkeypatch):
    at_root(monkeypatch)
    plans = [trials.plan(TRIALS[name], [])[1] for name in ("cnn-batch-128", "cnn-early-stopping")]
    assert [params["profiles"]["demo"]["cnn"]["epochs"] for params in plans] == [10, 10]
    longer, stopped = (params["models"]["baseline"] for params in plans)
    assert longer["training"]["early_stopping"]["patience"] is None
    assert stopped["training"]["batch_size"] == 128
    longer["training"]["early_stopping"].update(min_delta=0.05, patience=2)
    assert longer == stopped


def test_what_is_published_stands_in_params_yaml_too():
    quoted = [entry["accuracy"] for entry in PARAMS["profiles"]["intel"]["published"]]
    for trial in TRIALS.values():
        (percent,) = re.findall(r"^\d[\d.]*(?: to \d+)? %", trial.published)
        assert percent in quoted


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: {title: x, published: y, evaluate: baseline}", "`a.set`"),
        ("a: {title: x, published: 90, evaluate: baseline, set: []}", "`a.published`"),
        ("A B: {title: x, published: y, evaluate: baseline, set: []}", "`A B"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_file_that_is_not_right_is_one_sentence(content, words, tmp_path):
    (tmp_path / "trials.yaml").write_text(content)
    with pytest.raises(InputError) as caught:
        trials.load(tmp_path / "trials.yaml")
    assert words in str(caught.value)


def test_a_trial_of_no_model_is_one_sentence(monkeypatch):
    at_root(monkeypatch)
    trial = TRIALS["frozen"].model_copy(update={"evaluate": "resnet"})
    with pytest.raises(InputError, match="'resnet' is not one of baseline, efficientnetv2l"):
        trials.plan(trial, [])


def test_the_report_keeps_the_tables_of_other_profiles():
    once = trials.report("", {"intel": "On intel:\n\n| a |\n|---|\n| 1 |"})
    twice = trials.report(once, {"demo": "On demo:\n\n| b |"})
    assert trials.report(twice, {}) == twice
    assert trials.report(twice, {"demo": "On demo:\n\n| b |"}) == twice
    assert re.findall(r"^## (.+)$", twice, re.MULTILINE) == ["demo", "intel"]
    assert trials.table_for_readme(twice) == trials.table_for_readme(once) == "On intel:\n\n| a |\n|---|\n| 1 |\n"
    assert trials.table_for_readme(trials.report("", {"demo": "| b |"})) == ""


def test_the_table_in_the_readme_is_that_of_the_report():
    text = (ROOT / trials.REPORT).read_text(encoding="utf-8") if (ROOT / trials.REPORT).exists() else ""
    readme = (ROOT / trials.README).read_text(encoding="utf-8")
    assert trials.update_readme(readme, text) == readme


@pytest.mark.process
@pytest.mark.timeout(600)
def test_a_trial_that_has_run_is_in_the_table_as_its_metrics_say(pipeline, tmp_path):
    folder = tmp_path / "clone"
    shutil.copytree(pipeline.one, folder, symlinks=True)
    (folder / "scenes/experiments/trials.yaml").write_text(QUICK)
    before = (folder / "dvc.lock").read_bytes()

    command = [sys.executable, "-m", "scenes", "trials"]
    done = subprocess.run(command, cwd=folder, env=verify.environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "demo-two-epochs: epoch 2/2" in done.stdout
    assert "stages.explain" not in done.stdout
    assert "stages.report" not in done.stdout
    assert (folder / "dvc.lock").read_bytes() == before  # the workspace is as it was

    def of_experiment(path):
        (ref,) = (folder / ".git/refs/exps").glob("*/*/demo-two-epochs")
        shown = ["git", "show", f"{ref.read_text().strip()}:{path}"]
        return subprocess.run(shown, cwd=folder, check=True, capture_output=True, text=True).stdout

    scores = json.loads(of_experiment("metrics/efficientnetv2l.json"))
    assert scores != json.loads((folder / "metrics/efficientnetv2l.json").read_text())
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True).stdout
    low, high = scores["accuracy_interval"]["low"], scores["accuracy_interval"]["high"]
    line = (
        "| two epochs of a head | EfficientNetLite0 at 48 px, random weights |"
        f" {scores['accuracy']:.3f} [{low:.3f}, {high:.3f}] | {scores['crossentropy']:.3f} | 2 + 2 | `{head[:7]}` |"
    )
    assert line in (folder / "reports/trials.md").read_text().splitlines()
    assert "60 test images" in (folder / "reports/trials.md").read_text()

    def make_trials(*arguments):
        return run_module("scenes", "trials", *arguments, folder=folder, environment=verify.environment())

    again = make_trials()
    assert (again.returncode, again.stdout) == (0, "demo-two-epochs: exists already\nwrote reports/trials.md\n")
    other = make_trials("-S", "models.efficientnetv2l.network.units=9")
    assert other.returncode == 1
    assert other.stderr.strip().endswith("remove it with `dvc exp remove demo-two-epochs`")
    unknown = make_trials("three-epochs")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
    assert "three-epochs is not a trial; scenes/experiments/trials.yaml has two-epochs" in unknown.stderr
