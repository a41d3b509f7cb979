"""A feature set that the profile does not use: its stages, and those of its models, end at once and leave marks."""

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
    *((stage, SET) for stage in ("weights", "finetune", "features", "composite_features")),
    *((stage, MODEL) for stage in ("train_linear", "multilabel", "evaluate", "explain")),
]
# One process for all stages, in their order: each loads what it needs, and none of them these.
SCRIPT = """
import importlib, json, sys
for stage, name in json.loads(sys.argv[1]):
    importlib.import_module(f"stages.{stage}").main(name)
heavy = {"tensorflow", "keras", "pandas", "matplotlib", "sklearn", "scipy"}
print(json.dumps(sorted(heavy & {each.partition(".")[0] for each in sys.modules})))
"""


@pytest.fixture(scope="module")
def skipped(tmp_path_factory):
    """A folder in which the stages of the set and of its model have run, and what they printed."""
    folder = tmp_path_factory.mktemp("unused")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["profiles"][params["profile"]]["features"][SET]["enabled"] = False
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(STAGES)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout.splitlines()


def test_each_says_so_in_one_line_and_loads_nothing_heavy(skipped):
    *said, heavy = skipped[1]
    assert len(said) == len(STAGES)
    assert all(SET in line for line in said)
    assert json.loads(heavy) == []


def test_all_outputs_of_dvc_yaml_are_there_and_hold_nothing(skipped):
    folder, _ = skipped
    files = set(written(folder)) - {"params.yaml"}
    with Repo(ROOT) as repo:
        stages = {stage.addressing: stage for stage in repo.index.stages}
    names = [f"{'train' if stage == 'train_linear' else stage}@{name}" for stage, name in STAGES]
    outputs = {out.def_path for name in names for out in stages[name].outs}
    assert {path for path in outputs if (folder / path).is_dir() or (folder / path).is_file()} == outputs
    assert all(any(file == path or file.startswith(f"{path}/") for path in outputs) for file in files)
    for file in files:
        text = (folder / file).read_text()
        assert text == "{}\n" if file.endswith(".json") else text.count("\n") == 1, file
