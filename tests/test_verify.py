"""`make verify`: what it says and how it ends, on a pipeline of four stages that runs in a repository of its own."""

import copy
import shutil
import subprocess
import sys

import pytest
import yaml

from scenes.commands.verify import clone, environment, main
from scenes.common.errors import InputError
from scenes.provenance.verdict import (
    COMMITTED,
    DATA_STAGES,
    ROUNDED,
    exact,
    unexplained,
    verdict,
    verdict_of_second_run,
)
from tests.code_facts import ROOT

NAMES = (COMMITTED, "the clone")


def stage(deps: dict, outs: dict, **params) -> dict:
    def entries(hashes):
        return [{"path": path, "hash": "md5", "md5": md5, "size": 1} for path, md5 in hashes.items()]

    return {"cmd": "run", "deps": entries(deps), "params": {"params.yaml": params}, "outs": entries(outs)}


LOCK = {
    "download": stage({"d.py": "1"}, {"data/a": "1"}),
    "train@m": stage({"t.py": "1", "data/a": "1"}, {"models/m": "1"}, seed=1),
    "records": stage({"r.py": "1", "data/a": "1"}, {"data/r": "1"}),
    "report": stage({"p.py": "1", "models": "1"}, {"report": "1"}),
}


def edited(**edits: dict[str, str]) -> dict:
    """The lock with other hashes of some deps and outs, by stage and path."""
    stages = copy.deepcopy(LOCK)
    for name, paths in edits.items():
        for entry in stages[name]["deps"] + stages[name]["outs"]:
            entry["md5"] = paths.get(entry["path"], entry["md5"])
    return stages


TRAINED = {"train@m": {"models/m": "2"}}
FOLLOWED = TRAINED | {"report": {"models": "2", "report": "2"}}


@pytest.mark.parametrize(
    ("other", "status", "said", "unsaid"),
    [
        ({}, 0, ["the same hash of every file of 4 stages"], ["differ"]),
        (
            FOLLOWED,
            2,
            [
                "first in train@m",
                "rounds differently",
                "the data stages give the same results",
                "2 stages differ: train@m, report",
            ],
            ["run `dvc repro`"],
        ),
        ({"download": {"data/a": "2"}}, 1, ["first in download", "this is a defect"], ["rounds diff", "give the same"]),
        # Records come after the training in the file, but are held to more.
        (TRAINED | {"records": {"data/r": "2"}}, 1, ["first in records", "defect"], ["rounds differently"]),
        # Copied figures are rounded nowhere; nor is it known of a stage that nobody listed.
        (
            {"report": {"report": "2"}},
            1,
            ["first in report", "this is a defect", "the data stages give the same results"],
            ["rounds differently"],
        ),
        (TRAINED | {"report": {"report": "2"}}, 1, ["first in report", "this is a defect"], ["rounds differently"]),
        (
            {"train@m": {"t.py": "2", "models/m": "2"}},
            1,
            ["train@m was run with other code (t.py)", "run `dvc repro` and commit"],
            ["rounds", "defect"],
        ),
        # Floats explain the first of them and not the second.
        (
            TRAINED | {"report": {"models": "2", "p.py": "2", "report": "2"}},
            1,
            [
                "first in train@m",
                "rounds differently",
                "report was run with other code (p.py) and other inputs (models)",
            ],
            [],
        ),
        # A file in a folder that stages write into, but which none of them wrote.
        ({"report": {"models": "2"}}, 1, ["report was run with other inputs (models)"], ["rounds", "`dvc repro`"]),
    ],
)
def test_the_verdict(other, status, said, unsaid):
    sentences, found = verdict(LOCK, edited(**other), names=NAMES, one_machine=False)
    assert found == status, sentences
    here, found = verdict(LOCK, edited(**other), names=NAMES, one_machine=True)
    assert found == (status and 1), here
    assert ("both ran on this machine: this is a defect" in here) == (status == 2)
    assert all(text in sentences for text in said), sentences
    assert not any(text in sentences for text in unsaid), sentences


def test_the_stages_that_may_round_are_those_that_compute_with_threads():
    """Whoever adds a stage that does decides whether another processor may give it other bytes."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    computing = {name for name, stage in stages.items() if "threads" in stage.get("do", stage).get("params", [])}
    # One copies weights, the other draws random ones on a single thread.
    assert computing - {"select"} | {"weights"} == ROUNDED
    assert all(exact(stage) for stage in (*DATA_STAGES, "select", "report", "of tomorrow", "of tomorrow@baseline"))
    assert not any(exact(stage) for stage in ("train@baseline", "features"))


def test_what_a_second_run_says():
    assert unexplained(LOCK, edited(**FOLLOWED)) == ["train@m"]
    said, status = verdict_of_second_run(LOCK, edited(report={"report": "2"}), ["train@m"])
    assert (status, "deterministic, so only other hardware" in said) == (2, True)
    said, status = verdict_of_second_run(LOCK, edited(**FOLLOWED), ["download", "train@m"])
    assert (status, "other bytes again (train@m): not deterministic, a defect" in said) == (1, True)


DVC_YAML = """
stages:
  download: {cmd: python draw.py seed, deps: [draw.py], params: [seed], outs: [data.txt]}
  audit: {cmd: cp data.txt audit.txt, deps: [data.txt], outs: [audit.txt]}
  train: {cmd: python train.py, deps: [train.py, data.txt], params: [rate], outs: [model.txt]}
  compare: {cmd: cp model.txt metrics.json, deps: [model.txt], metrics: [metrics.json: {cache: false}]}
"""
FILES = {
    "dvc.yaml": DVC_YAML,
    "params.yaml": "seed: 1\nrate: 0.5\n",
    "draw.py": "open('data.txt', 'w').write(open('params.yaml').readline())",
    # What comes out depends on the machine, for which an environment variable stands here, or, by another, on chance.
    # What an earlier run has computed is taken over.
    "train.py": "import os, pathlib; old = pathlib.Path('.dvc/tmp/old'); "
    "known = old.exists() and 'SCENES_COMPUTE_ALL' not in os.environ; "
    "known or old.write_text(os.environ.get('MACHINE') or os.urandom(8).hex()); "
    "pathlib.Path('model.txt').write_text(old.read_text())",
}
# Without the front of all commands, which asks for a checkout of this project.
COMMAND = """
from scenes.commands import verify
from scenes.common.errors import exit_on_input_error
with exit_on_input_error():
    raise SystemExit(verify.main(["{}"]))
"""


def git(folder, *arguments):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def dvc(folder, *arguments, **changes):
    subprocess.run(
        ["dvc", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        env=environment(**changes),
        timeout=120,
    )


def verify(folder, count=1, **changes) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND.format(count)],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT), **changes),
        capture_output=True,
        text=True,
        timeout=250,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository whose pipeline has run, and whose dvc.lock is committed; the cache is one that others share."""
    folder = tmp_path_factory.mktemp("verify") / "repository"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    git(folder, "init", "--quiet")
    dvc(folder, "init", "--quiet")
    dvc(folder, "config", "cache.dir", str(folder.parent / "shared"))  # committed, so a clone would use it
    dvc(folder, "repro", "--quiet", MACHINE="1")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


@pytest.mark.process
def test_a_lock_that_is_right(repository):
    status, said = verify(repository, 2, MACHINE="1")
    assert status == 0, said
    assert "the clone gives the same as the committed dvc.lock: the same hash of every file of 4 stages" in said
    assert "the second clone gives the same as the first clone" in said
    assert "not verified" not in said


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.process
def test_another_machine(repository, count):
    """The shared cache holds the run of every stage: what comes out of it would hide that this machine differs."""
    status, said = verify(repository, count, MACHINE="2")
    assert status == 2, said
    assert "first in train" in said
    assert "2 stages differ: train, compare" in said
    assert "the data stages give the same results" in said
    assert ("running again what differs: train\n" in said) == (count == 1)
    assert "a second run here gives the same bytes (train): deterministic, so only other hardware" in said


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, "a second run here gives other bytes again (train): not deterministic, a defect"),
        (2, "both ran on this machine: this is a defect"),
    ],
)
@pytest.mark.process
def test_a_training_that_never_gives_the_same(repository, count, expected):
    """Against the lock alone it looks like another machine."""
    status, said = verify(repository, count, MACHINE="")
    assert status == 1, said
    assert "rounds differently" in said
    assert expected in said
    assert "deterministic, so only" not in said


@pytest.mark.process
def test_a_lock_of_other_params_and_a_pipeline_that_fails(repository, tmp_path):
    folder = tmp_path / "repository"
    subprocess.run(["git", "clone", "--quiet", repository, folder], check=True, timeout=60)
    (folder / "params.yaml").write_text("seed: 1\nrate: 0.25\n")
    status, said = verify(folder, MACHINE="1")
    assert (status, "changes that are not committed are not verified" in said) == (0, True), said
    git(folder, "commit", "--quiet", "--all", "--message", "another rate")
    status, said = verify(folder, MACHINE="1")
    assert status == 1, said
    assert "first in train\ntrain was run with other params (rate)\n" in said
    (folder / "train.py").write_text("raise SystemExit('the disk is on fire')")
    git(folder, "commit", "--quiet", "--all", "--message", "broken")
    status, said = verify(folder)
    assert status == 1, said
    assert "the disk is on fire" in said


@pytest.mark.parametrize("argument", ["3", "x", "--nonesuch"])
def test_wrong_arguments_do_not_end_like_a_difference_in_rounding(argument):
    with pytest.raises(InputError, match="`scenes verify --help` shows the arguments"):
        main([argument])


@pytest.mark.parametrize(("status", "passes"), [(0, True), (1, False), (2, True)])
@pytest.mark.process
def test_make_lets_only_rounding_pass(status, passes, tmp_path):
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexit {status}\n")
    python.chmod(0o755)
    command = ["make", "--file", ROOT / "Makefile", "--assume-old", ".venv/installed", "verify"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode == 0) == passes, done.stderr


@pytest.mark.process
def test_without_a_lock_it_says_what_to_do(repository, tmp_path):
    folder = tmp_path / "repository"
    subprocess.run(["git", "clone", "--quiet", repository, folder], check=True, timeout=60)
    git(folder, "rm", "--quiet", "dvc.lock")
    git(folder, "commit", "--quiet", "--message", "no lock")
    status, said = verify(folder)
    assert status == 1
    assert "the last commit has no dvc.lock to verify" in said


@pytest.mark.process
def test_a_project_in_a_folder_of_its_repository(repository, tmp_path):
    folder = tmp_path / "all" / "project"
    shutil.copytree(repository, folder, ignore=shutil.ignore_patterns(".git"))
    git(folder.parent, "init", "--quiet")
    with pytest.raises(InputError, match=r"does not hold project/dvc\.yaml; commit the project first"):
        clone(folder, tmp_path / "clone")
    git(folder.parent, "add", "--all")
    git(folder.parent, "commit", "--quiet", "--message", "all")
    status, said = verify(folder, MACHINE="1")
    assert status == 0, said
    assert "the clone gives the same as the committed dvc.lock" in said


def test_without_git_it_says_so(tmp_path):
    with pytest.raises(InputError, match="git finds no repository, so no commit to verify, in"):
        clone(tmp_path, tmp_path / "clone")
