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


@pytest.fixture
def subset(folder, monkeypatch):
    """The folder with the kept metrics of the real subset: those of three models, and of one of them with two seeds."""
    subset = folder / "subset"
    monkeypatch.setattr(results, "SUBSET", subset)
    reported.write_json(subset / "kinds.json", {name: f"what {name} was" for name in results.MODELS})
    reported.write_json(subset / "label_issues.json", reported.label_issues())
    issues = reported.label_issues() | {"planted": reported.planted()}
    reported.write_json(folder / "metrics/label_issues.json", issues)
    reported.write_json(folder / "metrics/finetuned.json", {})
    for name, accuracy in zip(results.MODELS, (0.7, 0.8, 0.9), strict=True):
        reported.write_json(subset / f"{name}.json", reported.of_model(accuracy))
    for seed, accuracy in ((42, 0.9), (43, 0.93)):
        reported.write_json(subset / f"seed{seed}/finetuned.json", reported.of_model(accuracy))
    return subset


def test_the_tables_have_a_row_for_every_model_that_was_trained(subset):
    first, second, third, _ = results.tables().split("\n\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in first.splitlines()]
    assert [row[1].partition(" (")[0] for row in rows[2:]] == [
        "best constant answer",
        *(f"{name}: what {name} was" for name in results.MODELS),
        "best constant answer",
        "baseline: CNN from scratch",
        "transfer: logistic regression on frozen EfficientNetLite0",
    ]
    assert {len(row) for row in rows} == {len(rows[0])}
    tuned = dict(zip(rows[0], rows[5], strict=True))
    assert tuned["accuracy"].startswith("**0.900**")
    assert "| finetuned | 2 | 0.915 (0.900 to 0.930) |" in third
    assert len(third.splitlines()) == 3
    assert len(second.splitlines()) == 2 + 5


@pytest.mark.parametrize("arguments", [[], ["--seed"]])
def test_the_metrics_of_a_run_on_the_real_subset_are_kept(folder, monkeypatch, arguments):
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    (folder / "params.yaml").write_text(yaml.safe_dump(params | {"profile": "intel", "seed": 7}), encoding="utf-8")
    reported.write_json(folder / "metrics/finetuned.json", {})
    monkeypatch.setattr(results, "SUBSET", folder / "subset")
    monkeypatch.setattr(sys, "argv", ["results.py", *arguments])
    results.main()
    found = {path.relative_to(folder / "subset").as_posix() for path in (folder / "subset").rglob("*.json")}
    if arguments:
        assert found == {"seed7/baseline.json", "seed7/transfer.json"}
    else:
        assert found == {
            *("audit.json", "baseline.json", "comparison.json", "kinds.json", "label_issues.json"),
            *("production.json", "transfer.json"),
        }
        kinds = json.loads((folder / "subset/kinds.json").read_text())
        assert kinds["finetuned"].startswith("logistic regression on fine-tuned EfficientNetV2L")
