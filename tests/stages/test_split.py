"""The stage as DVC runs it: data/split.csv, or nothing and one sentence."""

import json

import pandas as pd
import pytest
import yaml

from scenes.dataset import audit_table, split
from tests.stages.test_audit import project, run, written

__all__ = ["project"]


@pytest.fixture
def audited(project):
    assert run("stages.audit", project).returncode == 0
    return project


def test_split_writes_its_table(audited):
    before = written(audited)
    done = run("stages.split", audited)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "split: train 6, val 2, test 6, pred 2; 0 of 16 images left out\n"
    assert written(audited) == sorted([*before, "data/split.csv", "data/split.json"])
    params = yaml.safe_load((audited / "params.yaml").read_text())
    text = (audited / "data/split.json").read_text()
    assert json.loads(text) == {"seed": params["seed"], "split": params["split"]}
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
    table = split.read(audited / "data/split.csv")
    assert table.groupby(["split", "label"]).size().to_dict() == {
        ("pred", ""): 2,
        ("test", "lake"): 3,
        ("test", "moor"): 3,
        ("train", "lake"): 3,
        ("train", "moor"): 3,
        ("val", "lake"): 1,
        ("val", "moor"): 1,
    }


def test_a_class_without_images_gives_one_sentence_and_leaves_nothing(audited):
    path = audited / "data/audit.csv"
    table = audit_table.read(path)
    audit_table.write(pd.DataFrame(table[(table["label"] != "moor") | (table["split"] != "train")]), path)
    before = written(audited)
    done = run("stages.split", audited)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the class 'moor' has no images left for train")
    assert done.stderr.count("\n") == 1
    assert written(audited) == before
