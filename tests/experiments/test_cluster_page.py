"""The commands for a cluster in docs/experiments.md, run with programs that only write down what they were told."""

import re
import subprocess

import pytest
import yaml

from tests.code_facts import ROOT

SECTION = (ROOT / "docs/experiments.md").read_text(encoding="utf-8").partition("\n## On a cluster\n")[2]
KUBERNETES = yaml.safe_load(re.search(r"```yaml\n(.*?)```", SECTION, re.DOTALL)[1])
SLURM, HOSTS = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
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
    texts = dict.fromkeys(("dvc", "python"), SAID) | {"ssh": SSH, "git": SAID + 'mkdir -p "${3:-scenes}"\n'}
    for name, text in texts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    def run_script(script: str, **environment: str) -> list[str]:
        basic = {"PATH": f"{programs}:/usr/bin:/bin", "SAID": str(said), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        subprocess.run(["sh", "-c", script], cwd=tmp_path, env={**basic, **environment}, check=True)
        return sorted(said.read_text().splitlines())

    return run_script


def worker(number: int) -> str:
    return f"python -m scenes tune --trials 40 --worker {number}"


def test_a_pod_clones_pulls_searches_and_pushes(run):
    (container,) = KUBERNETES["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["sh", "-c"]
    (script,) = container["args"]
    said = run(script, JOB_COMPLETION_INDEX="3")
    assert said == ["dvc exp push origin", "dvc pull", "git clone https://git.example.org/scenes", worker(3)]


def test_a_task_of_an_array_job_does_too(run):
    *others, clone, search = run(SLURM, SLURM_ARRAY_TASK_ID="4")
    assert (others, search) == (["dvc exp push origin", "dvc pull"], worker(4))
    assert clone.startswith("git clone https://git.example.org/scenes /")


def test_each_host_has_a_number_of_its_own(run, tmp_path):
    (tmp_path / "hosts.txt").write_text("one\ntwo\n")
    (tmp_path / "scenes/.venv/bin").mkdir(parents=True)
    (tmp_path / "scenes/.venv/bin/activate").touch()
    said = run(HOSTS, TUNE_STORAGE="postgresql+psycopg://ann@db.example.org/scenes")
    assert [line for line in said if line.startswith("python ")] == [worker(1), worker(2)]
    assert said.count("dvc pull -q") == said.count("dvc exp push origin") == 2
