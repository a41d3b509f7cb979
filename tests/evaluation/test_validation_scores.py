"""What `select` is told of a model: its files, its validation scores, and nothing of the test images."""

import hashlib
import json

from scenes.evaluation import selection


def scores(threshold: float) -> dict:
    return {"composites": {name: {"threshold": threshold} for name in ("softmax", "naive", "large_loss_rejection")}}


def test_it_names_the_files_and_takes_the_threshold_of_validation(tmp_path):
    for folder in ("model", "multilabel"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "weights").write_text(folder)
    calibration = {"slope": 0.3, "intercept": 0.5}
    contained = scores(0.9) | {"val": scores(0.2) | {"presence_calibration": calibration}}
    found = selection.validation_scores(tmp_path / "model", tmp_path / "multilabel", {"accuracy": 0.5}, contained)
    assert found == {
        "sha256": {name: {"weights": hashlib.sha256(name.encode()).hexdigest()} for name in ("model", "multilabel")},
        "val": {"accuracy": 0.5},
        "presence_above": 0.2,
        "presence_calibration": calibration,
    }
    assert json.loads(json.dumps(found)) == found
