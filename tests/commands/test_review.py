"""The review of a change, by `make review` in a small repository with two commits."""

import json
import os
import re
import shutil
import subprocess

import pytest
from PIL import Image

from scenes.commands import review, verify
from scenes.common.errors import InputError
from tests.code_facts import ROOT

PIPELINE = """
stages:
  evaluate:
    cmd: python evaluate.py
    params: [rate]
    metrics: [{metrics/one.json: {cache: false}}]
    plots: [plots/one]
"""
# Two pictures, of which one depends on the parameter.
STAGE = """
import json, pathlib, yaml
from PIL import Image
rate = yaml.safe_load(open("params.yaml"))["rate"]
pathlib.Path("plots/one").mkdir(parents=True, exist_ok=True)
pathlib.Path("metrics").mkdir(exist_ok=True)
Image.new("L", (8, 8), rate).save("plots/one/errors.png")
Image.new("L", (8, 8), 9).save("plots/one/classes.png")
json.dump({"test_accuracy": rate / 100, "val_accuracy": rate / 200}, open("metrics/one.json", "w"))
"""


def run(folder, *command: str, fails: bool = False, **environment: str) -> str:
    who = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        command, cwd=folder, env=verify.environment(**who, **environment), capture_output=True, text=True, timeout=120
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def commit(folder, rate: int) -> None:
    (folder / "params.yaml").write_text(f"rate: {rate}\n")
    run(folder, "dvc", "repro", "--quiet")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", f"rate {rate}")


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    """Branch main with one commit, branch `change` with another, and on main since then a third."""
    folder = tmp_path_factory.mktemp("review") / "repo"
    folder.mkdir()
    for name in ("Makefile", ".gitignore", "requirements.txt"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "scenes", folder / "scenes", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (ROOT / ".venv/installed").touch()
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "evaluate.py").write_text(STAGE)
    run(folder, "git", "init", "--quiet", "--initial-branch", "main")
    (folder / ".git/info/exclude").write_text(".venv\n")
    run(folder, "dvc", "init", "--quiet")
    commit(folder, 50)
    run(folder, "git", "switch", "--quiet", "--create", "change")
    commit(folder, 60)
    run(folder, "git", "switch", "--quiet", "main")
    commit(folder, 10)
    run(folder, "git", "switch", "--quiet", "change")
    run(folder, "dvc", "checkout")
    return folder


@pytest.mark.process
def test_a_change_is_compared_with_the_commit_it_started_from(repo, tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    run(repo, "make", "review", BASE="main", GITHUB_STEP_SUMMARY=str(summary))
    text = (repo / "review/review.md").read_text(encoding="utf-8")
    assert summary.read_text(encoding="utf-8") == "before\n" + text
    base = run(repo, "git", "rev-parse", "--short", "main~1").strip()
    assert (
        f"### Scores, as committed\n\n| Path | Metric | {base} | HEAD | Change |\n|---|---|---|---|---|\n"
        "| metrics/one.json | test_accuracy | 0.5 | 0.6 | 0.1 |\n"
        "| metrics/one.json | val_accuracy | 0.25 | 0.3 | 0.05 |\n\n"
    ) in text
    assert f"| Path | Param | {base} | HEAD |\n|---|---|---|---|\n| params.yaml | rate | 50 | 60 |\n" in text
    assert "Scores of this run" not in text
    assert "1 changed, 1 are the same, 0 have nothing to be compared with." in text
    assert "- `plots_one_errors.png`" in text
    assert "classes.png" not in text
    page = (repo / "review/plots/index.html").read_text(encoding="utf-8")
    sources = re.findall(r'src="([^"]+)"', re.sub("<script.*?</script>", "", page, flags=re.DOTALL))
    assert len(sources) == 4
    for source in sources:
        assert (repo / "review/plots" / source).is_file()
    static = repo / "review/plots/static"
    with Image.open(static / f"{base}_plots_one_errors.png") as before:
        assert before.getpixel((0, 0)) == 50


@pytest.mark.process
def test_what_came_out_here_is_told_from_what_was_committed(repo):
    file = repo / "metrics/one.json"
    committed = file.read_text()
    file.write_text(json.dumps(json.loads(committed) | {"test_accuracy": 0.61}))
    try:
        run(repo, "make", "review", BASE="main")
    finally:
        file.write_text(committed)
    scores, _, here = (repo / "review/review.md").read_text(encoding="utf-8").partition("### Scores of this run")
    assert "| test_accuracy | 0.5 | 0.6 | 0.1 |" in scores
    assert "| test_accuracy | 0.6 | 0.61 | 0.01 |" in here


@pytest.mark.process
def test_a_missing_base_is_one_sentence_and_keeps_the_last_review(repo):
    before = (repo / "review/review.md").read_bytes()
    said = run(repo, "make", "review", BASE="origin/none; touch broken", fails=True)
    assert "error: BASE=origin/none; touch broken is not a commit that this one comes from; fetch it" in said
    assert "Traceback" not in said
    assert not (repo / "broken").exists()
    assert (repo / "review/review.md").read_bytes() == before


@pytest.mark.process
def test_nothing_changes(repo):
    run(repo, "make", "review", BASE="HEAD")
    text = (repo / "review/review.md").read_text(encoding="utf-8")
    assert text.count("No score changes.") == text.count("No parameter changes.") == 1
    assert "0 changed, 2 are the same" in text


@pytest.mark.process
def test_pictures_of_the_base_that_are_not_at_hand(repo, tmp_path):
    """As on a machine that has run the pipeline for this commit alone."""
    folder = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(repo), str(folder))
    run(folder, "dvc", "repro")
    run(folder, "python", "-m", "scenes", "review", "origin/main", "review")
    text = (folder / "review/review.md").read_text(encoding="utf-8")
    assert "| metrics/one.json | test_accuracy | 0.5 | 0.6 | 0.1 |" in text
    assert "0 changed, 0 are the same, 2 have nothing to be compared with. (`dvc pull` gets" in text
    assert "- `plots_one_errors.png`" in text


@pytest.mark.process
def test_a_command_of_dvc_that_fails_is_one_sentence(repo, monkeypatch):
    monkeypatch.chdir(repo)
    monkeypatch.setenv("PATH", verify.environment()["PATH"])
    with pytest.raises(InputError, match=r"`dvc metrics diff nowhere` failed: .*nowhere"):
        review.dvc("metrics", "diff", "nowhere")


@pytest.mark.process
def test_the_comment_is_the_review_and_a_link_to_its_pictures(repo, tmp_path):
    """By the client that GitHub's machines have: here a stand-in notes what it is asked to do."""
    (tmp_path / "gh").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > asked\ncp review/review.md sent\n')
    (tmp_path / "gh").chmod(0o755)
    run(repo, "make", "review", BASE="main")
    text = (repo / "review/review.md").read_text(encoding="utf-8")
    # The Makefile puts .venv/bin first, the caller's path after it.
    path = f"{tmp_path}{os.pathsep}{verify.environment()['PATH']}"
    run(repo, "make", "comment", PATH=path, PR="17", PICTURES="https://localhost/pictures")
    asked = (repo / "asked").read_text().split()
    assert asked == ["pr", "comment", "17", "--body-file", "review/review.md", "--edit-last", "--create-if-none"]
    assert (repo / "sent").read_text(
        encoding="utf-8"
    ) == f"{text}\n[Pictures and the page with everything](https://localhost/pictures)\n"
