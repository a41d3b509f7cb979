"""The diagram of the pipeline: what it shows of stages and arrows, and that the pages have that of dvc.yaml."""

import re

import pytest

from scenes.commands import diagram
from scenes.common.errors import InputError
from tests.code_facts import ROOT

EDGES = [
    ("code", "audit"),
    ("code", "train@a"),
    ("audit", "train@a"),
    ("audit", "train@b"),
    ("train@a", "report"),
    ("train@b", "report"),
    ("code", "report"),
]
STAGES = ["code", "audit", "train@a", "train@b", "report"]


def arrows(text: str) -> set[tuple[str, str]]:
    found = re.findall(r"(\w+) --> (\w+(?: & \w+)*)", text)
    return {(before, after) for before, targets in found for after in targets.split(" & ")}


def test_a_stage_of_many_models_is_one_box_and_implied_arrows_are_left_out():
    text = diagram.diagram(STAGES, EDGES)
    assert arrows(text) == {("code", "audit"), ("audit", "train"), ("train", "report")}
    assert "subgraph Models; train[[train]]; end" in text
    assert "subgraph Data; code; audit; end" in text


def test_a_stage_without_a_group_is_named():
    with pytest.raises(InputError, match=r"dvc\.yaml: stage mystery is in no group of the diagram"):
        diagram.diagram([*STAGES, "mystery"], EDGES)


def test_the_pages_have_the_diagram_of_dvc_yaml(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = diagram.diagram(*diagram.pipeline())
    for path in diagram.PAGES:
        page = path.read_text(encoding="utf-8")
        assert diagram.replaced(page, text) == page, "`make docs` writes it"


def test_the_table_has_a_row_for_each_stage():
    page = (ROOT / "docs/pipeline.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)(?:@<\w+>)?` \|", page, re.MULTILINE) == [
        name for names in diagram.GROUPS.values() for name in names
    ]
