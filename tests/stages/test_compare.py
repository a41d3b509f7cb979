"""The stage `compare`: data/scores/comparison.json of the models in params.yaml, on all and on clean test images."""

import json
import shutil

import pandas as pd
import pytest

from scenes.audit import audit_table
from scenes.dataset import split
from stages import compare
from tests.code_facts import ROOT
from tests.helpers.stage import refusal, written

# Per test image: its class, then the answer of either model. The last one is the same picture as a training image.
ANSWERS = {
    "t/1.jpg": ("sea", "sea", "sea"),
    "t/2.jpg": ("sea", "lake", "sea"),
    "t/3.jpg": ("lake", "lake", "sea"),
    "t/4.jpg": ("lake", "sea", "lake"),
    "t/5.jpg": ("sea", "sea", "lake"),
}


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    folder = tmp_path / "data/test_predictions"
    folder.mkdir(parents=True)
    for place, model in enumerate(("baseline", "transfer"), start=1):
        rows = [(key, answers[0], answers[place], 0.5) for key, answers in ANSWERS.items()]
        table = pd.DataFrame(rows, columns=["key", "actual", "predicted", "confidence"])
        table.to_csv(folder / f"{model}.csv", index=False)
    (folder / "finetuned.csv").write_text("key,actual,predicted,confidence\n")  # not enabled in this profile
    (folder / "removed.csv").write_text("of a model that is no longer in params.yaml\n")
    audit = pd.DataFrame({"path": [*ANSWERS, "learn/1.jpg"]})
    audit["split"] = "train"  # the archive has no test set: the stage `split` has held the test images out
    audit["label"] = [answers[0] for answers in ANSWERS.values()] + ["sea"]
    audit["group"] = ["1", "2", "3", "4", "5", "5"]
    for column in audit_table.COLUMNS:
        if column not in audit:
            audit[column] = 0 if column in audit_table.NUMBERS else ""
    audit_table.write(audit, tmp_path / "data/audit.csv")
    split.write(audit.assign(split=["test"] * 5 + ["train"]), tmp_path / "data/split.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_compare_writes_the_pairs_whole_and_clean(evaluated, run):
    before = written(evaluated)
    done = run(compare.main)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("baseline/transfer: +0.0000 accuracy")
    assert written(evaluated) == sorted([*before, "data/scores/comparison.json"])
    text = (evaluated / "data/scores/comparison.json").read_text()
    found = json.loads(text)
    assert text == json.dumps(found, indent=2, sort_keys=True) + "\n"
    assert set(found) == {"baseline/transfer", "clean"}
    counts = ("count", "both_right", "only_a", "only_b", "both_wrong")
    whole, clean = found["baseline/transfer"], found["clean"]["baseline/transfer"]
    assert [whole[name] for name in counts] == [5, 1, 2, 2, 0]
    assert [clean[name] for name in counts] == [4, 1, 1, 2, 0]


def test_predictions_of_other_images_give_one_sentence_and_leave_nothing(evaluated, run):
    (evaluated / "data/test_predictions/baseline.csv").write_text("key,actual,predicted\nt/1.jpg,sea,sea\n")
    before = written(evaluated)
    said = refusal(run(compare.main))
    assert said.startswith("the predictions of baseline and transfer cover different images")
    assert written(evaluated) == before
