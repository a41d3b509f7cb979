"""What DVC shows of the headlines, and `make experiments`: all in 120 columns, in a small repository."""

import shlex
import shutil

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from scenes.commands import experiments
from scenes.common.tables import write_json
from scenes.evaluation import metrics
from tests.code_facts import ROOT
from tests.helpers import dvc_cli, git, reported

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
FIRST = next(iter(PARAMS["models"]))
TITLE, TUNED = "profiles.demo.title=Landscapes", ["seed=7", f"models.{FIRST}.training.learning_rate=0.001"]


def evaluated(folder, accuracy: float) -> None:
    """Write the headlines of every model, of which the first has this accuracy."""
    for name in PARAMS["models"]:
        scores = reported.of_model(accuracy if name == FIRST else 0.823456)
        write_json(folder / f"metrics/{name}.json", metrics.headlines(scores))


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    """Two experiments beside a commit: one changed the scores of the first model, the other none."""
    folder = tmp_path_factory.mktemp("experiments")
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / "metrics").mkdir()
    files = [f"metrics/{name}.json" for name in PARAMS["models"]]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"metrics": files, "params": ["params.yaml"]}))
    evaluated(folder, 0.876543)
    git.init(folder)
    dvc_cli.succeed(folder, "init --quiet")
    git.commit(folder)
    apply_overrides(folder / "params.yaml", [TITLE])
    dvc_cli.succeed(folder, "exp save --name title")
    shutil.copy(ROOT / "params.yaml", folder)
    apply_overrides(folder / "params.yaml", TUNED)
    evaluated(folder, 0.765432)
    dvc_cli.succeed(folder, "exp save --name tune-demo-baseline-17")
    return folder


def shown(repo, monkeypatch, capsys, *options: str) -> list[str]:
    monkeypatch.setattr(experiments, "dvc", lambda *words: dvc_cli.succeed(repo, shlex.join(words)))
    assert experiments.main([*options]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("command", ["metrics show", "metrics diff"])
def test_tables_of_dvc_fit_120_columns(repo, command):
    lines = dvc_cli.succeed(repo, command).splitlines()
    assert 1 < len(lines) <= 1 + 8 * len(PARAMS["models"])
    assert lines[0].split()[0] == "Path", lines
    assert all(line.startswith("metrics/") for line in lines[1:]), lines
    assert max(map(len, lines)) <= 120


def test_each_experiment_has_what_it_changed_and_the_scores_that_this_changed(repo, monkeypatch, capsys):
    lines = shown(repo, monkeypatch, capsys)
    assert max(map(len, lines)) <= 120
    assert lines[0] == "dvc exp show --hide-workspace --json"
    parts = [part.splitlines() for part in "\n".join(lines[1:]).split("\n\n")]
    changed = {part[0]: part[1:] for part in parts[1:]}
    assert changed.keys() == {f"title: {TITLE}", f"tune-demo-baseline-17: {' '.join(TUNED)}"}
    assert changed[f"title: {TITLE}"] == []
    scores = metrics.headlines(reported.of_model(0.765432))
    head, row = changed[f"tune-demo-baseline-17: {' '.join(TUNED)}"]
    assert head.split() == list(scores)
    assert row.split() == [FIRST, *(f"{value:.4f}" for value in scores.values())]
    assert [line.split()[0] for line in parts[0][2:]] == list(PARAMS["models"])  # of the commit, all


def test_options_are_those_of_dvc(repo, monkeypatch, capsys):
    lines = shown(repo, monkeypatch, capsys, "--all-commits")
    assert lines[0] == "dvc exp show --hide-workspace --all-commits --json"


def revision(name: str | None, params: dict, executor: dict | None = None, error: dict | None = None) -> dict:
    """An experiment without scores, as DVC tells of it."""
    data = None if error else {"params": {"params.yaml": {"data": params}}, "metrics": {}}
    found = {"rev": "0123456789", "data": data, "error": error}
    return {"name": name, "executor": executor, "revs": [found]}


def test_what_has_no_scores_has_its_state_and_long_changes_are_wrapped():
    before = {"values": {f"a_rather_long_name_{number}": 1 for number in range(20)}}
    commit = revision(None, before)["revs"][0] | {"name": "main"}
    commit["experiments"] = [
        revision("waits", before | {"seed": 7}, {"state": "queued"}),
        revision("failed", {}, error={"msg": "Experiment run failed"}),
        revision(None, before),
        revision("long", {"values": dict.fromkeys(before["values"], 2)}),
    ]
    lines = experiments.format_experiments([commit]).splitlines()
    assert max(map(len, lines)) <= 120
    assert [line for line in lines if line][:4] == [
        "main",
        "waits (queued): seed=7",
        "failed: Experiment run failed",
        "0123456: no parameter changed",
    ]
    assert " ".join(lines[lines.index("0123456: no parameter changed") + 2 :]).split() == [
        "long:",
        *(f"values.{key}=2" for key in before["values"]),
    ]


def test_without_experiments_it_says_how_to_make_one():
    complete = {"metrics/baseline.json": {"data": {"accuracy": 0.5, "val": {"accuracy": 0.5}}}}  # no headlines yet
    commit = {"rev": "0123456789", "name": None, "data": {"metrics": complete}, "error": None, "experiments": None}
    broken = {"rev": "1123456789", "name": None, "data": None, "error": {"msg": "no dvc.yaml"}, "experiments": None}
    assert experiments.format_experiments([commit, broken]).splitlines() == [
        "0123456",
        "",
        "no experiments; `dvc exp run -S <parameter>=<value>` makes one",
    ]
