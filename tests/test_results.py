"""The scores that `make repro` prints, and what README.md's tables call the models, for any data."""

import json
import sys

import pytest
import yaml

from benchmarks import results
from tests.code_facts import ROOT
from tests.helpers import reported


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the metrics of two models on three classes, on the profile own."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["profile"] = "own"
    params["profiles"]["own"]["title"] = "Leaves & needles"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    reported.folder(tmp_path)
    monkeypatch.setattr(results, "ROOT", tmp_path)
    return tmp_path


def test_scores_are_shown_of_any_data(folder):
    title, header, *rows = results.show().splitlines()
    assert title == "Leaves & needles (profile own), 240 test images"
    assert [row.split()[0] for row in rows] == list(reported.MODELS)
    scores = json.loads((folder / "metrics/baseline.json").read_text())
    values = rows[0].split()[1:]
    assert values[3] == f"{scores['balanced_accuracy']:.3f}"
    assert values[4] == "0.800"  # the first of three classes
    assert "balanced  worst class" in header


def test_the_readme_keeps_the_scores_of_the_demo(folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["results.py"])
    with pytest.raises(SystemExit, match="the profile own"):
        results.main()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "head on frozen EfficientNetLite0, pretrained"),
        ({"finetune": {"epochs": 3}}, "head on fine-tuned EfficientNetLite0, pretrained"),
        ({"weights": "random"}, "head on frozen **random** EfficientNetLite0 (a floor)"),
    ],
)
def test_random_weights_are_a_floor_and_others_are_not(changes, said):
    profile = {"backbone": "EfficientNetLite0", "weights": "imagenet", "finetune": {"epochs": 0}}
    assert results.describe_head(profile | changes) == said
