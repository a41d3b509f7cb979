"""The demo: its data are the same bytes here as where they were committed, and it is as hard as it should be."""

import json

import pandas as pd
import pytest
import yaml

from scenes.commands import verify
from scenes.provenance.verdict import DATA_STAGES, exact
from tests.code_facts import ROOT
from tests.helpers import clones

# Pairs of classes that share what they are drawn with.
PAIRS = ({"glacier", "mountain"}, {"buildings", "street"})

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A fresh clone in which all of the demo has run but the models of features."""
    folder = clones.clone(tmp_path_factory.mktemp("demo") / "repo")
    verify.finish(verify.reproduce(folder, "evaluate@baseline", "label_issues"), folder, timeout=800)
    return folder


@pytest.fixture(params=["as committed", pytest.param("run again", marks=pytest.mark.slow)])
def results(request):
    """A folder with the metrics of the demo."""
    return ROOT if request.param == "as committed" else request.getfixturevalue("demo")


def outs(folder) -> dict:
    stages = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    return {name: {out["path"]: out["md5"] for out in stage["outs"]} for name, stage in stages.items()}


@pytest.mark.slow
def test_what_drawn_photos_contain_is_found(demo):
    presence = json.loads((demo / "data/scores/baseline.json").read_text())["presence"]
    assert presence["mean_average_precision"] > 0.8
    assert presence["macro_f1"] > 0.8


@pytest.mark.slow
def test_the_data_are_those_committed(demo):
    for stage in DATA_STAGES:
        assert outs(demo)[stage] == outs(ROOT)[stage], stage


@pytest.mark.slow
def test_the_same_kind_of_machine_reproduces_the_committed_bytes(demo):
    # That dvc.lock is of this code and these params is the business of tests/test_dvc_lock.py.
    differing = [name for name, found in outs(demo).items() if found != outs(ROOT)[name]]
    assert not any(map(exact, differing)), differing
    if differing:
        pytest.skip(f"this processor rounds differently from the one that wrote dvc.lock: {', '.join(differing)}")
    assert (demo / "metrics/baseline.json").read_bytes() == (ROOT / "metrics/baseline.json").read_bytes()


def test_the_cnn_finds_the_demo_neither_easy_nor_hopeless(results):
    headlines = json.loads((results / "metrics/baseline.json").read_text())
    assert 0.80 <= headlines["test_accuracy"] <= 0.92


@pytest.mark.slow
def test_its_errors_are_within_the_two_pairs(demo):
    table = pd.read_csv(demo / "plots/baseline/predictions.csv")
    errors = table[table["actual"] != table["predicted"]]
    within = [{row.actual, row.predicted} in PAIRS for row in errors.itertuples()]
    assert sum(within) >= 0.6 * len(errors)


@pytest.mark.slow
def test_of_the_images_likeliest_to_be_mislabelled_half_are(demo):
    planted = json.loads((demo / "data/scores/label_issues.json").read_text())["planted"]
    assert planted["model"]["precision_at_count"] >= 0.5
