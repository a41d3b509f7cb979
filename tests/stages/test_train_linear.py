"""The stage `train_linear`: the model that it writes, and one whose feature set the profile does not have."""

import json
import shutil
from functools import partialmethod
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from scenes.backbones.features import StoredFeatures
from scenes.common import unused
from scenes.models import store
from stages import train_linear
from tests.code_facts import ROOT
from tests.helpers import feature_folders
from tests.helpers.small_training import features
from tests.helpers.stage import written

pytestmark = pytest.mark.usefixtures("deterministic")
FEATURES = Path("data/features/frozen")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The working folder: params.yaml, what `records` says of the data, and two splits of features."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    FEATURES.mkdir(parents=True)
    splits = {"train": features(90, 0, spread=3.0), "val": features(60, 1, spread=3.0)}
    feature_folders.save(FEATURES, splits, shard_size=25)
    (FEATURES / "backbone.json").write_text('{"sha256": "0"}')
    (FEATURES / "provenance.json").write_text('{"inputs": {}}')
    origin = {"archive_sha256": "1", "split_sha256": "2", "data_params": {}}
    (tmp_path / "data/origin.json").write_text(json.dumps(origin))
    return tmp_path


def test_it_writes_the_model_of_the_best_c(project, run):
    done = run(train_linear.main, "transfer")
    assert (done.returncode, done.stderr) == (0, "")
    table = pd.read_csv("plots/transfer/training/validation_curve.tsv", sep="\t")
    assert list(table["C"]) == yaml.safe_load((project / "params.yaml").read_text())["models"]["transfer"]["C"]
    best = table.loc[table["val_calibrated_crossentropy"].idxmin()]
    assert done.stdout == (
        f"transfer: C {best['C']:g} is best on validation: accuracy {best['val_accuracy']:.4f}, crossentropy "
        f"{best['val_crossentropy']:.4f}, calibrated {best['val_calibrated_crossentropy']:.4f}\n"
    )

    described = store.describe("models/transfer")
    assert (described["C"], described["classes"], described["images"]) == (best["C"], ["a", "b", "c"], 90)
    assert described["backbone"] == {"sha256": "0"}
    val = features(60, 1, spread=3.0)
    probabilities = store.load_network("models/transfer").predict(val.features, verbose=0)
    losses = -np.log(probabilities[np.arange(60), val.label])
    assert losses.mean() == pytest.approx(best["val_crossentropy"], rel=1e-4)
    used = json.loads(Path("models/transfer/provenance.json").read_text())
    assert used["features"] == {"inputs": {}}
    assert used["params"].keys() == {"threads", "models.transfer"}


def test_of_many_images_it_learns_from_a_sample_and_says_so(project, run, monkeypatch):
    monkeypatch.setattr(StoredFeatures, "sample", partialmethod(StoredFeatures.sample, 30))
    done = run(train_linear.main, "transfer")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("transfer: fitted to 30 of 90 training images\n")
    assert store.describe("models/transfer")["images"] == 30


def test_the_same_bytes_twice(project, run):
    def bytes_written():
        run(train_linear.main, "transfer")
        return {name: Path(name).read_bytes() for name in written(project)}

    assert bytes_written() == bytes_written()


def test_without_its_features_it_ends_at_once(project, run, monkeypatch):
    monkeypatch.setattr(train_linear, "configure", None)  # so no TensorFlow
    unused.mark("data/features/finetuned")
    done = run(train_linear.main, "finetuned")
    assert (done.returncode, done.stdout, done.stderr) == (0, "finetuned is not enabled in this profile\n", "")
    assert unused.is_unused("models/finetuned")
    assert unused.is_unused("plots/finetuned/training")
