"""The commands for a cluster in docs/experiments.md, run with programs that only write down what they were told."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from scenes.commands import tune
from tests.code_facts import ROOT

SECTION = (ROOT / "docs/experiments.md").read_text(encoding="utf-8").partition("\n## On a cluster\n")[2]
KUBERNETES = yaml.safe_load(re.search(r"```yaml\n(.*?)```", SECTION, re.DOTALL)[1])
(SECRET,) = re.findall(r"```ini\n(.*?)```", SECTION, re.DOTALL)
SLURM, HOSTS = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
ADDRESS = "postgresql+psycopg://ann@db.example.org/scenes?application_name=it's; $HOME"
SAID = """#!/bin/sh
echo "$(basename "$0") $*" >> "$SAID"
"""
SSH = (
    SAID
    + """for command; do :; done
cd "$HOME" && exec sh -c "$command"
"""
)

pytestmark = pytest.mark.process


@pytest.fixture
def run(tmp_path):
    """A function that runs a script, and returns what its programs were told, sorted."""
    programs, said = tmp_path / "programs", tmp_path / "said"
    programs.mkdir()
    clone = '[ "$1" = config ] || mkdir -p "${3:-scenes}"\n'
    texts = {"dvc": SAID, "python": SAID + 'echo "$TUNE_STORAGE" >> "$SAID"\n', "ssh": SSH, "git": SAID + clone}
    for name, text in texts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    def run_script(script: str, **environment: str) -> list[str]:
        basic = {"PATH": f"{programs}:/usr/bin:/bin", "SAID": str(said), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        subprocess.run(["sh", "-c", script], cwd=tmp_path, env={**basic, **environment}, check=True)
        return sorted(said.read_text().splitlines())

    return run_script


@pytest.fixture
def environment(run, tmp_path):
    """The environment in ~/scenes, without which there is neither DVC nor Python."""
    folder = tmp_path / "scenes/.venv/bin"
    folder.mkdir(parents=True)
    (folder / "activate").write_text('PATH="$HOME/scenes/.venv/bin:$PATH"\n')
    for name in ("dvc", "python"):
        (tmp_path / "programs" / name).rename(folder / name)


def worker(number: int) -> str:
    return f"python -m scenes tune --trials 40 --worker {number}"


def test_a_pod_clones_pulls_searches_and_pushes(run, tmp_path):
    (container,) = KUBERNETES["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["sh", "-c"]
    (script,) = container["args"]
    variables = dict(line.split("=", 1) for line in SECRET.splitlines())
    assert tune.SECRET.search(variables["TUNE_STORAGE"]) is tune.PASSWORD.search(variables["TUNE_STORAGE"]) is None
    config, clone = "git config --global credential.helper store", "git clone https://git.example.org/scenes"
    said = run(script, JOB_COMPLETION_INDEX="3", **variables)
    assert said == ["dvc exp push origin", "dvc pull", clone, config, variables["TUNE_STORAGE"], worker(3)]
    file = tmp_path / ".git-credentials"
    assert (file.read_text(), file.stat().st_mode & 0o777) == (f"{variables['GIT_CREDENTIALS']}\n", 0o600)


def test_a_task_of_an_array_job_does_too(run, environment, tmp_path):
    *others, clone, address, search = run(SLURM, SLURM_ARRAY_TASK_ID="4", TUNE_STORAGE=ADDRESS)
    assert (others, address, search) == (["dvc exp push origin", "dvc pull"], ADDRESS, worker(4))
    folder = clone.removeprefix("git clone https://git.example.org/scenes ")
    assert folder.startswith(f"{tmp_path}/") and not Path(folder).exists()


def test_each_host_has_a_number_of_its_own_and_no_command_line_has_the_address(run, environment, tmp_path):
    (tmp_path / "hosts.txt").write_text("one\ntwo\n")
    said = run(HOSTS, TUNE_STORAGE=ADDRESS)
    assert [line for line in said if line.startswith("python ")] == [worker(1), worker(2)]
    for line in ("dvc pull -q", "dvc exp push origin", ADDRESS):  # the latter as the worker has it
        assert said.count(line) == 2
    assert not any(ADDRESS in line for line in said if line.startswith("ssh "))
