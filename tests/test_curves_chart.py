"""The chart of all models' training curves, as DVC fills .dvc/plots/curves.json."""

import json
import re
import shutil
from collections import Counter

import pytest
import yaml
from dulwich import porcelain
from dvc.render.match import match_defs_renderers
from dvc.repo import Repo

from scenes.plots import style
from scenes.training import curves
from tests.code_facts import ROOT
from tests.helpers import dvc_cli, git

TEMPLATE = json.loads((ROOT / ".dvc/plots/curves.json").read_text())
OVERLAY = re.search(r"^plots:\n.*", (ROOT / "dvc.yaml").read_text(), re.MULTILINE | re.DOTALL)[0]
FIELDS = yaml.safe_load(OVERLAY)["plots"][0]["training curves"]["y"]["plots/baseline/training/curves.tsv"]


def place(model: str) -> str:
    """Return the folder with the curves of a CNN or, as ``finetuned``, of a backbone."""
    return "plots/finetune/finetuned" if model == "finetuned" else f"plots/{model}/training"


def line(model: str) -> str:
    return f"        {place(model)}/curves.tsv: *curves\n"


def train(folder, **epochs: int) -> None:
    """Write the curves of models, as many epochs as named."""
    for model, count in epochs.items():
        training = folder / place(model)
        training.mkdir(parents=True, exist_ok=True)
        values = [1 / epoch for epoch in range(1, count + 1)]
        curves.write(training, dict.fromkeys((*curves.TABLES["curves"], "learning_rate"), values))


def drawn(folder, *revisions: str) -> tuple[dict, Counter]:
    """Return the filled template, and how many points it holds of each (revision, model, field)."""
    with Repo(folder) as repo:
        data = repo.plots.show(revs=revisions or None)
        (chart,) = match_defs_renderers(data, templates_dir=repo.plots.templates_dir)
    filled = json.loads(chart.renderer.partial_html())
    assert "<DVC_METRIC_" not in json.dumps(filled)
    points = filled["data"]["values"]
    assert all(point["dvc_inferred_y_value"] == point[point["field"]] for point in points)
    assert all(float(point["epoch"]) >= 1 for point in points)
    return filled, Counter((point["rev"], model_of(point["filename"]), point["field"]) for point in points)


def model_of(filename: str) -> str:
    """As the template finds the model, in a path from which DVC has cut what all have in common."""
    _, folder, above, *_ = filename.split("/")[::-1]
    return above if folder == "training" else folder


def expected(rev: str, **epochs: int) -> dict:
    return {(rev, model, field): count for model, count in epochs.items() for field in FIELDS}


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    """A repository with the project's chart and two models in its last commit."""
    folder = tmp_path_factory.mktemp("chart")
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")
    (folder / "dvc.yaml").write_text(OVERLAY)
    train(folder, baseline=3, finetuned=5)
    git.init(folder)
    git.commit(folder)
    return folder


@pytest.fixture
def folder(repo, tmp_path):
    """A copy of it that a test may change."""
    return shutil.copytree(repo, tmp_path / "repo")


def test_two_models(repo):
    filled, points = drawn(repo)
    assert points == expected("workspace", baseline=3, finetuned=5)
    assert filled["title"]["text"] == "Training and validation by epoch"
    assert [panel["spec"]["encoding"]["y"]["field"] for panel in filled["vconcat"]] == ["accuracy", "crossentropy"]
    assert filled["transform"][0]["calculate"] == "toNumber(datum['epoch'])"


def test_a_third_model_is_one_line_and_the_last_commit_still_has_two(folder):
    (folder / "dvc.yaml").write_text(OVERLAY + line("another"))
    train(folder, baseline=2, another=4)
    _, points = drawn(folder, "workspace", "HEAD")
    assert points == {
        **expected("workspace", baseline=2, finetuned=5, another=4),
        **expected("HEAD", baseline=3, finetuned=5),
    }


def test_a_model_not_yet_trained_does_not_hide_the_others(folder):
    (folder / "dvc.yaml").write_text(OVERLAY + line("another"))
    assert drawn(folder)[1] == expected("workspace", baseline=3, finetuned=5)


def test_one_model_of_one_epoch(folder):
    """DVC then leaves the whole path in the data, and the model is found in it all the same."""
    (folder / "dvc.yaml").write_text(OVERLAY.replace(line("finetuned"), ""))
    train(folder, baseline=1)
    assert drawn(folder)[1] == expected("workspace", baseline=1)


def test_the_command_line_compares_with_the_last_commit(repo):
    (chart,) = json.loads(dvc_cli.succeed(repo, "plots diff HEAD --json"))["data"]["training curves"]
    assert set(chart["revisions"]) == {"workspace", "HEAD"}


def test_the_template_uses_no_optional_anchor():
    """With one of them (colour, tooltip, height ...) DVC merges file and field in the data, or drops the file."""
    anchors = set(re.findall(r"<DVC_METRIC_(\w+)>", json.dumps(TEMPLATE)))
    assert anchors == {"DATA", "TITLE", "X", "X_LABEL", "Y"}


def test_the_panels_differ_in_the_metric_only_and_share_the_colours():
    top, bottom = ({**panel["spec"]} for panel in TEMPLATE["vconcat"])
    assert json.loads(json.dumps(top).replace("accuracy", "crossentropy")) == bottom
    assert tuple(top["encoding"]["color"]["scale"]["range"]) == style.COLOURS


def test_git_has_the_template():
    with porcelain.open_repo_closing(ROOT) as repo:
        assert b".dvc/plots/curves.json" in repo.open_index()
