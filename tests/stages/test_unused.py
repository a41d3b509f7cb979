"""A feature set that the profile does not use: its stages, and those of its models, end at once and leave marks."""

import importlib
import json
import os
import subprocess
import sys

import pytest
import yaml
from dvc.repo import Repo

from tests.code_facts import ROOT
from tests.helpers.stage import written

SET, MODEL = "finetuned", "finetuned"
STAGES = [
    *((stage, SET) for stage in ("weights", "finetune", "features")),
    *((stage, MODEL) for stage in ("train_linear", "evaluate")),
]
SCRIPT = """
import importlib, json, sys
for stage, name in json.loads(sys.argv[1]):
    importlib.import_module(f"stages.{stage}").main(name)
print(json.dumps(sorted({each.partition(".")[0] for each in sys.modules})))
"""


@pytest.fixture(scope="module")
def outputs():
    """The paths that dvc.yaml lists for these stages."""
    names = {f"{stage.removesuffix('_linear')}@{name}" for stage, name in STAGES}
    with Repo(ROOT) as repo:
        return {out.def_path for stage in repo.index.stages if stage.addressing in names for out in stage.outs}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["profiles"][params["profile"]]["features"][SET]["enabled"] = False
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_says_so_in_one_line_and_writes_all_its_outputs_without_content(outputs, folder, run):
    for stage, name in STAGES:
        done = run(importlib.import_module(f"stages.{stage}").main, name)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{name} is not enabled in this profile\n", "")
    files = set(written(folder)) - {"params.yaml"}
    inside = {path: {file for file in files if file == path or file.startswith(f"{path}/")} for path in outputs}
    assert len(inside) > len(STAGES)
    assert all(inside.values())
    assert set().union(*inside.values()) == files
    for file in files:
        text = (folder / file).read_text()
        assert text == "{}\n" if file.endswith(".json") else text.count("\n") == 1, file


@pytest.mark.process
def test_none_loads_anything_heavy(folder):
    """They are well under a second because of it. Each runs in its order, in one process."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(STAGES)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert not loaded & {"tensorflow", "keras", "pandas", "matplotlib", "sklearn", "scipy"}
    assert {"numpy", "ruamel"} <= loaded, "the check would find them"
