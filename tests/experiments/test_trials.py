"""trials.yaml against params.yaml and what is published; the table against an experiment that has run."""

import io
import json
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from ruamel.yaml import YAML

from scenes.commands import verify
from scenes.common.errors import InputError
from scenes.experiments import trials
from scenes.experiments.settings import applied
from tests.code_facts import ROOT
from tests.helpers.command import run_module

TRIALS = trials.load(ROOT / "scenes/experiments/trials.yaml")
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
FEATURES = {"transfer": "frozen", "finetuned": "finetuned"}
# A trial that is quick.
QUICK = """
weak-penalty:
  title: one value of C
  published: 12.3 %
  evaluate: transfer
  set:
    - models.transfer.C=[0.5]
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
        ("a: {title: x, published: y, evaluate: baseline}", "`a.set` is missing"),
        (
            "a: {tilte: x, published: y, evaluate: baseline, set: []}",
            "`a.tilte` is not a known key; did you mean `title`?",
        ),
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
    with pytest.raises(InputError, match="'resnet' is not one of baseline, transfer, finetuned"):
        trials.plan(trial, [])


def test_a_trial_of_features_that_the_profile_lacks_is_one_sentence(monkeypatch):
    at_root(monkeypatch)
    trial = TRIALS["fine-tuned"].model_copy(update={"set": []})
    with pytest.raises(InputError, match="finetuned learns from features/finetuned, which profile demo lacks"):
        trials.plan(trial, [])


def remembered(monkeypatch, experiments: dict[str, dict]) -> None:
    """Let experiments exist: their settings, scores and numbers of epochs, by their names."""
    files = {}
    for name, (settings, model, scores, epochs) in experiments.items():
        text = io.StringIO()
        YAML(typ="safe").dump(applied(settings, ROOT / "params.yaml"), text)
        folder = f"plots/{model}/training" if model == "baseline" else f"plots/finetune/{FEATURES[model]}"
        files[name] = {
            "params.yaml": text.getvalue(),
            f"data/scores/{model}.json": json.dumps(scores),
            f"{folder}/curves.tsv": "\n".join(["epoch", *map(str, range(1, epochs + 1))]),
        }
    monkeypatch.setattr(trials.runs, "revisions", lambda: {name: (name, f"{name[-2:]}3456789") for name in files})
    monkeypatch.setattr(trials.runs, "read", lambda commit, path: files[commit][path])


def scores(accuracy, crossentropy):
    return {
        "count": 3000,
        "accuracy": accuracy,
        "crossentropy": crossentropy,
        "accuracy_interval": {"low": accuracy - 0.01, "high": accuracy + 0.01},
    }


def test_the_table_has_one_training_or_the_spread_of_several(monkeypatch):
    at_root(monkeypatch)
    size = "profiles.demo.features.finetuned.image_size=160"
    made = {"demo-frozen": ([], "transfer", scores(0.9, 0.3), 0)}
    made |= {"demo-from-scratch": ([], "baseline", scores(0.1, 9), 15)}  # one of those below, or of other code
    for seed, accuracy, epochs in ((43, 0.8, 4), (42, 0.87, 4), (101, 0.85, 6)):
        made[f"demo-from-scratch-seed{seed}"] = ([f"seed={seed}"], "baseline", scores(accuracy, 1 - accuracy), epochs)
        made[f"demo-fine-tuned-seed{seed}"] = ([size], "finetuned", scores(accuracy, 1 - accuracy), 4)
    made["demo-cnn-5-epochs-seedling"] = ([], "baseline", scores(0.5, 0.5), 1)  # of no trial
    remembered(monkeypatch, made)
    codes = "`0134567`, `4234567`, `4334567`"
    assert trials.tables()["demo"].splitlines() == [
        "On profile demo, 3,000 test images:",
        "",
        "| trial | model | seeds | accuracy | crossentropy | epochs | code |",
        "|---|---|---|---|---|---|---|",
        "| frozen backbone, linear classifier | EfficientNetLite0 at 128 px | 1 | 0.900 [0.890, 0.910] | 0.300 | 0 "
        "| `en34567` |",
        f"| our best from scratch | baseline | 3 | 0.840 [0.800, 0.870] | 0.160 [0.130, 0.200] | 4 to 6 | {codes} |",
        "| our best, backbone fine-tuned | EfficientNetLite0 at 160 px | 3 | 0.840 [0.800, 0.870] "
        f"| 0.160 [0.130, 0.200] | 4 | {codes} |",
    ]


def test_several_seeds_are_several_experiments(monkeypatch, capsys):
    at_root(monkeypatch)
    started = []

    def exists(name, params):
        return name == f"demo-frozen-seed{params['seed']}" and params["seed"] == 43

    monkeypatch.setattr(trials.repository, "check", lambda: None)
    monkeypatch.setattr(trials.runs, "exists", exists)
    monkeypatch.setattr(trials.runs, "run", lambda *experiment: started.append(experiment))
    assert trials.run(["frozen"], [], jobs=1, seeds=3) == []
    assert capsys.readouterr().out == "demo-frozen-seed43: exists already\n"
    assert started == [(f"demo-frozen-seed{seed}", "evaluate@transfer", [f"seed={seed}"]) for seed in (42, 44)]
    started.clear()
    assert trials.run(["frozen"], ["seed=7"], jobs=1, seeds=1) == []
    assert started == [("demo-frozen", "evaluate@transfer", ["seed=7"])]


def test_the_report_keeps_the_tables_of_other_profiles():
    once = trials.report("", {"intel": "On intel:\n\n| a |\n|---|\n| 1 |"})
    twice = trials.report(once, {"demo": "On demo:\n\n| b |"})
    assert trials.report(twice, {}) == twice
    assert trials.report(twice, {"demo": "On demo:\n\n| b |"}) == twice
    assert re.findall(r"^## (.+)$", twice, re.MULTILINE) == ["demo", "intel"]
    assert trials.table_for_page(twice) == trials.table_for_page(once) == "On intel:\n\n| a |\n|---|\n| 1 |\n"
    assert trials.table_for_page(trials.report("", {"demo": "| b |"})) == ""


def test_the_table_in_the_docs_is_that_of_the_report():
    text = (ROOT / trials.REPORT).read_text(encoding="utf-8") if (ROOT / trials.REPORT).exists() else ""
    page = (ROOT / trials.PAGE).read_text(encoding="utf-8")
    assert trials.update_page(page, text) == page


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
    assert "demo-weak-penalty: transfer: C 0.5 is best on validation" in done.stdout
    assert "stages.report" not in done.stdout
    assert (folder / "dvc.lock").read_bytes() == before  # the workspace is as it was

    def of_experiment(path):
        (ref,) = (folder / ".git/refs/exps").glob("*/*/demo-weak-penalty")
        shown = ["git", "show", f"{ref.read_text().strip()}:{path}"]
        return subprocess.run(shown, cwd=folder, check=True, capture_output=True, text=True).stdout

    found = json.loads(of_experiment("metrics/transfer.json"))
    assert found != json.loads((folder / "metrics/transfer.json").read_text())
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True).stdout
    accuracy, low, high = (found[f"test_accuracy{end}"] for end in ("", "_low", "_high"))
    start = (
        f"| one value of C | EfficientNetLite0 at 48 px, random weights | 1 | {accuracy:.3f} [{low:.3f}, {high:.3f}] |"
    )
    (line,) = (line for line in (folder / "reports/trials.md").read_text().splitlines() if line.startswith(start))
    assert line.endswith(f" | 0 | `{head[:7]}` |")
    assert "60 test images" in (folder / "reports/trials.md").read_text()

    def make_trials(*arguments):
        return run_module("scenes", "trials", *arguments, folder=folder, environment=verify.environment())

    again = make_trials()
    assert (again.returncode, again.stdout) == (0, "demo-weak-penalty: exists already\nwrote reports/trials.md\n")
    other = make_trials("-S", "models.transfer.class_weight=balanced")
    assert other.returncode == 1
    assert other.stderr.strip().endswith("remove it with `dvc exp remove demo-weak-penalty`")
    unknown = make_trials("three-epochs")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
    assert "three-epochs is not a trial; scenes/experiments/trials.yaml has weak-penalty" in unknown.stderr
