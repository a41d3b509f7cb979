"""The stage `split`: data/split.csv, or nothing and one sentence."""

import json

import pytest
import yaml

from scenes.archive.layout import Archive
from scenes.dataset import audit_table, split
from scenes.dataset.audit import audit
from stages import split as stage
from tests.helpers.pictures import LAYOUT
from tests.helpers.stage import refusal, written


@pytest.fixture
def audited(project):
    with Archive("data/raw/archive.zip", LAYOUT, 10**7, 200) as archive:
        table = audit(archive, max_pixels=10**6, near_duplicate_distance=4, workers=1)
    audit_table.write(table, "data/audit.csv")
    return project


def test_split_writes_its_table(audited, run):
    before = written(audited)
    done = run(stage.main)
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


def test_a_class_without_images_gives_one_sentence_and_leaves_nothing(audited, run):
    table = audit_table.read("data/audit.csv")
    audit_table.write(table[(table["label"] != "moor") | (table["split"] != "train")], "data/audit.csv")
    before = written(audited)
    assert refusal(run(stage.main)).startswith("the class 'moor' has no images left for train")
    assert written(audited) == before
