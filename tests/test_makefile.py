"""What make says before it installs anything."""

import os
import re
import shutil
import subprocess

import pytest

from tests.code_facts import ROOT


@pytest.mark.process
def test_without_git_nothing_is_installed(tmp_path):
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    done = subprocess.run(
        ["make", ".venv/installed"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    sentence, _ = done.stderr.splitlines()  # the second is make's own
    assert sentence.startswith("error: this folder is in no git repository, which DVC needs; `git clone` the project")
    assert not (tmp_path / ".venv").exists()


def test_each_target_that_runs_the_pipeline_first_mends_what_a_killed_dvc_left():
    rules = re.split(r"\n\n", (ROOT / "Makefile").read_text(encoding="utf-8"))
    running = [rule for rule in rules if re.search(r"\n\t@?dvc (repro|exp)", rule)]
    assert len(running) == 3
    assert all(re.search(r"\n\t@python -m scenes repair\n(.*\n)*\t@?dvc ", rule) for rule in running)
