"""The stage `split`: data/split.csv, or nothing and one sentence."""

import json
from pathlib import Path

import pytest
import yaml

from scenes.audit import audit_table
from scenes.dataset import split
from stages import split as stage
from tests.helpers.audited import plain_rows, table
from tests.helpers.stage import refusal, written


@pytest.fixture
def audited(project):
    audit_table.write(table(plain_rows(10, 0)), "data/audit.csv")
    return project


def test_split_writes_its_table(audited, run):
    before = written(audited)
    done = run(stage.main)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "split: train 14, val 2, test 4, pred 2; 0 of 22 images left out\n"
        "test: 4 images held out of train: the archive has no test set\n"
        "val: 2 images held out of train: the archive has no validation set\n"
    )
    assert written(audited) == sorted([*before, "data/split.csv", "data/split.json"])
    params = yaml.safe_load((audited / "params.yaml").read_text())
    text = (audited / "data/split.json").read_text()
    assert json.loads(text) == {"seed": params["seed"], "split": params["split"]}
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
    found = split.read(audited / "data/split.csv")
    assert found.groupby(["split", "label"]).size().to_dict() == {
        ("pred", ""): 2,
        ("test", "lake"): 2,
        ("test", "moor"): 2,
        ("train", "lake"): 7,
        ("train", "moor"): 7,
        ("val", "lake"): 1,
        ("val", "moor"): 1,
    }


def test_a_class_with_too_few_images_gives_one_sentence_and_leaves_nothing(audited, run):
    audit_table.write(table([*plain_rows(10, 0), *plain_rows(2, 0, labels=["owl"], pred=0)]), "data/audit.csv")
    before = written(audited)
    assert refusal(run(stage.main)).startswith("too few images for train, val and test")
    assert written(audited) == before


def test_corrections_count_in_what_it_writes(audited, run):
    assert run(stage.main).returncode == 0
    before = split.read("data/split.csv").set_index("path")
    tested = before.index[before["split"] == "test"][0]
    lines = ["path,label,remark", "train/lake/0,moor,wet", "train/moor/1,drop,", f"{tested},drop,\n"]
    Path("corrections/demo.csv").write_text("\n".join(lines))
    done = run(stage.main)
    assert "1 image relabelled by corrections\n1 correction of test images" in done.stdout
    assert json.loads(Path("data/split.json").read_text())["corrections"] == {"relabelled": 1, "dropped": 1}
    after = split.read("data/split.csv").set_index("path")
    assert (after.loc["train/lake/0", "label"], after.loc[tested, "split"]) == ("moor", "test")
    assert set(before.index) - set(after.index) == {"train/moor/1"}


def test_a_correction_of_an_unknown_class_gives_one_sentence_and_leaves_nothing(audited, run):
    Path("corrections/demo.csv").write_text("path,label,remark\ntrain/lake/0,mor,\n")
    before = written(audited)
    assert refusal(run(stage.main)) == "corrections/demo.csv, line 2: 'mor' is no class; did you mean `moor`?"
    assert written(audited) == before
