"""The stage `finetune` where nothing is to be trained; what it trains is run by tests/test_pipeline.py."""

import json
import shutil

import yaml

from stages import finetune
from tests.code_facts import ROOT
from tests.helpers.stage import written


def test_a_backbone_that_stays_as_it_came_says_so_and_names_no_code(tmp_path, run, monkeypatch):
    """Else another way to train, where no training takes place, would compute the features of every image again."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    assert (
        yaml.safe_load((tmp_path / "params.yaml").read_text())["profiles"]["demo"]["features"]["frozen"]["finetune"]
        is None
    )
    monkeypatch.chdir(tmp_path)
    done = run(finetune.main, "frozen")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "frozen stays as it is: finetune is null\n"
    assert written(tmp_path) == [
        "data/finetuned/frozen/SHA256SUMS",
        "data/finetuned/frozen/finetuned.json",
        "data/finetuned/frozen/provenance.json",
        "params.yaml",
        "plots/finetune/frozen/curves.tsv",
    ]
    assert json.loads((tmp_path / "data/finetuned/frozen/provenance.json").read_text()) == {
        "params": {"profile.features.frozen.finetune": None}
    }
