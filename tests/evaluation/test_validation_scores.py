"""What `select` is told of a model: its files, its validation scores, and nothing of the test images."""

import hashlib
import json

from scenes.evaluation import selection
from scenes.evaluation.presence import PresenceCalibration


def test_it_names_the_files_and_the_scaling_of_validation(tmp_path):
    (tmp_path / "weights").write_text("of the model")
    found = selection.validation_scores(tmp_path, {"accuracy": 0.5}, PresenceCalibration([0.3, 0.4], [0.5, -1.0]))
    assert json.loads(json.dumps(found)) == {
        "sha256": {"weights": hashlib.sha256(b"of the model").hexdigest()},
        "val": {"accuracy": 0.5},
        "presence": {"slope": [0.3, 0.4], "intercept": [0.5, -1.0]},
    }
