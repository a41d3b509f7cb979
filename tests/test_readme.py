"""README.md and docs/ held against the project: their commands run, their tables are those of the scores."""

import re
import shutil
import subprocess

import pytest

from benchmarks import results
from scenes.commands import verify
from tests.code_facts import ROOT
from tests.helpers import clones, day_page

README = (ROOT / "README.md").read_text(encoding="utf-8")
OWN_TESTS = ("day.md", "own-images.md")  # tests/test_day.py and tests/own/test_own_images_page.py run these
PAGES = [path for path in sorted((ROOT / "docs").glob("*.md")) if path.name not in OWN_TESTS]
TEXT = "\n".join([README, *(path.read_text(encoding="utf-8") for path in PAGES)])
BLOCKS = re.findall(r"(?:<!-- (slow|not run: \w|day)[^\n]*-->\n)? *```sh\n(.*?)```", TEXT, re.DOTALL)


def commands(mark: str) -> list[str]:
    return [line for found, block in BLOCKS if found == mark for line in block.splitlines()]


def run(command: str, folder, timeout: float) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=verify.environment(), capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def clone_with_results(pipeline, tmp_path_factory):
    """A clone in which the pipeline has run (small), with this environment as its .venv."""
    folder = tmp_path_factory.mktemp("readme") / "repo"
    shutil.copytree(pipeline.one, folder, symlinks=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for name in ("installed", "installed-dev"):
        (ROOT / ".venv" / name).touch()
    return folder


@pytest.mark.process
@pytest.mark.timeout(900)
@pytest.mark.parametrize("command", commands(""))
def test_a_command_runs_as_written(command, clone_with_results):
    run(command, clone_with_results, timeout=300)


@pytest.mark.process
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "command", re.findall(r"`((?:dvc|python) [^`]*)`", README.partition("| to do this | run |")[2].partition("\n\n")[0])
)
def test_a_command_in_a_table_runs_as_written(command, clone_with_results):
    run(command, clone_with_results, timeout=300)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_first_screen_in_a_fresh_clone(tmp_path):
    """`make repro` as a stranger runs it: the environment is made anew and the demo runs in full."""
    folder = clones.clone(tmp_path / "stranger")
    assert commands("slow") == ["make repro", "make test"]
    assert "test_accuracy" in run("make repro", folder, timeout=3000)
    assert "Data and pipelines are up to date" in run("make repro", folder, timeout=300)


def test_the_day_is_that_of_the_page_whose_commands_are_run():
    day = [line.partition("  # ")[0] for line in commands("day")]
    assert "dvc pull" in day and "dvc exp push origin penalty-1" in day
    assert set(day) <= {line.partition("  # ")[0] for _, line, _ in day_page.COMMANDS}


@pytest.mark.parametrize("page", results.PAGES)
def test_the_tables_are_those_of_the_scores(page):
    assert results.rendered(page) == (ROOT / page).read_text(encoding="utf-8"), "`make results` writes them"


def test_it_is_short():
    assert len(README.splitlines()) <= 180
