"""The tables of results in README.md and docs/results.md, from made-up scores."""

import json
import sys

import pytest
import yaml

from benchmarks import results
from scenes.common.tables import read_json
from scenes.evaluation.metrics import headlines
from tests.code_facts import ROOT
from tests.helpers import reported


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the scores of two models on three classes, on the profile own."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params | {"profile": "own"}), encoding="utf-8")
    reported.folder(tmp_path)
    for name in reported.MODELS:
        scores = read_json(tmp_path / f"data/scores/{name}.json")
        reported.write_json(tmp_path / f"metrics/{name}.json", headlines(scores))
    reported.write_json(tmp_path / "metrics/finetuned.json", {})
    monkeypatch.setattr(results, "ROOT", tmp_path)
    return tmp_path


def test_the_readme_keeps_the_scores_of_the_demo(folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["results.py"])
    with pytest.raises(SystemExit, match="the profile own"):
        results.main()


@pytest.fixture
def subset(folder, monkeypatch):
    """The folder with the kept scores of the real subset: those of three models, and of one of them with two seeds."""
    subset = folder / "subset"
    monkeypatch.setattr(results, "SUBSET", subset)
    reported.write_json(subset / "kinds.json", {name: f"what {name} was" for name in results.MODELS})
    reported.write_json(subset / "label_issues.json", reported.label_issues())
    for name, accuracy in zip(results.MODELS, (0.7, 0.8, 0.9), strict=True):
        reported.write_json(subset / f"{name}.json", reported.of_model(accuracy))
    for seed, accuracy in ((42, 0.9), (43, 0.93)):
        reported.write_json(subset / f"seed{seed}/finetuned.json", reported.of_model(accuracy))
    return subset


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def test_the_readme_has_the_headlines_of_every_model_that_was_trained(subset):
    rows = cells(results.summary())
    assert {len(row) for row in rows} == {6}
    assert [row[1].partition(" (")[0] for row in rows[2:]] == [
        *(f"{name}: what {name} was" for name in results.MODELS),
        "baseline: CNN from scratch",
        "transfer: logistic regression on frozen EfficientNetLite0",
    ]
    found = headlines(reported.of_model(0.9))
    assert rows[4][2:] == [
        *(f"{found[key]:.3f}" for key in ("val_accuracy", "val_crossentropy", "test_accuracy")),
        f"{found['test_accuracy_low']:.3f} to {found['test_accuracy_high']:.3f}",
    ]


def test_the_details_are_all_scores_of_the_real_subset(subset):
    first, _, second, issues, third = results.details().split("\n\n")
    for table in (first, second):
        assert [row[0] for row in cells(table)[2:]] == list(results.MODELS)
        assert len({len(row) for row in cells(table)}) == 1
    assert dict(zip(*(cells(first)[number] for number in (0, 4)), strict=True))["accuracy"].startswith("**0.900**")
    assert issues.startswith("Label issues: ")
    assert third.splitlines()[2:] == [f"| finetuned | 2 | 0.915 (0.900 to 0.930) | {cells(third)[2][3]} |"]


@pytest.mark.parametrize("arguments", [[], ["--seed"]])
def test_the_scores_of_a_run_on_the_real_subset_are_kept(folder, monkeypatch, arguments):
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    (folder / "params.yaml").write_text(yaml.safe_dump(params | {"profile": "intel", "seed": 7}), encoding="utf-8")
    reported.write_json(folder / "data/scores/finetuned.json", {})
    monkeypatch.setattr(results, "SUBSET", folder / "subset")
    monkeypatch.setattr(sys, "argv", ["results.py", *arguments])
    results.main()
    found = {path.relative_to(folder / "subset").as_posix() for path in (folder / "subset").rglob("*.json")}
    if arguments:
        assert found == {"seed7/baseline.json", "seed7/transfer.json"}
    else:
        assert found == {
            *("baseline.json", "kinds.json", "label_issues.json", "transfer.json"),
        }
        kinds = json.loads((folder / "subset/kinds.json").read_text())
        assert kinds["finetuned"].startswith("logistic regression on fine-tuned EfficientNetV2L")
