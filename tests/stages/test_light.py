"""The stages before TensorFlow's start at once: each loads what it needs, when it needs it."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from tests.code_facts import ROOT

SCRIPT = """
import importlib, json, sys
loaded = {}
for name in ("scenes.download.source", "stages.download", "stages.audit", "stages.split", "stages.records"):
    module = importlib.import_module(name)
    loaded[name] = sorted({each.partition(".")[0] for each in sys.modules})
    if name.startswith("stages."):
        module.main()
        loaded[f"{name} after its work"] = sorted({each.partition(".")[0] for each in sys.modules})
print(json.dumps(loaded))
"""
NETWORK = {"requests", "urllib3", "kaggle", "kagglesdk", "tqdm"}
NUMBERS = {"numpy", "pandas", "PIL", "scipy", "matplotlib", "seaborn", "imagehash"}
LEARNING = {"tensorflow", "keras", "sklearn", "dvc"}


@pytest.mark.process
def test_light_stages_load_nothing_heavy(project):
    """A second a start adds up over every run of the pipeline, also where nothing is to be done."""
    (project / "data/raw/archive.zip").rename(project / "some.zip")
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["profiles"][params["profile"]]["source"] = "file:some.zip"
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    loaded = {name: set(packages) for name, packages in json.loads(done.stdout.splitlines()[-1]).items()}
    assert not loaded["scenes.download.source"] & {"ruamel", "yaml", "pydantic", *NETWORK, *NUMBERS, *LEARNING}
    assert "ruamel" in loaded["stages.download"]
    for name in ("stages.download", "stages.download after its work"):
        assert not loaded[name] & {*NETWORK, *NUMBERS, *LEARNING}, name
    assert not loaded["stages.audit"] & {"kaggle", *LEARNING, *NUMBERS - {"numpy", "PIL"}}
    assert "matplotlib" in loaded["stages.audit after its work"], "the check would find it"
    assert not loaded["stages.split after its work"] & {"kaggle", *LEARNING}
    assert not loaded["stages.records after its work"] & {"kaggle", *LEARNING}
