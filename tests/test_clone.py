"""A clone of the repository: the same bytes on every system, folders with a page about them, `make clean`."""

import subprocess
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from tests.code_facts import ROOT
from tests.helpers import clones


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


@pytest.mark.process
def test_line_endings_are_the_same_where_git_is_told_to_convert_them(tmp_path):
    """Git for Windows converts by default. With other bytes DVC would run all stages again."""
    source = clones.clone(tmp_path / "source")
    git(source, "add", "--all")
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    git(source, *who, "commit", "--quiet", "--allow-empty", "--message", "the working tree")
    folder = tmp_path / "clone"
    git(tmp_path, "-c", "core.autocrlf=true", "clone", "--quiet", "--config", "core.autocrlf=true", source, folder)
    assert git(folder, "config", "core.autocrlf") == "true\n"
    assert git(folder, "status", "--porcelain") == ""
    names = git(folder, "ls-files", "-z").split("\0")[:-1]
    assert len(names) > 200
    for name in names:
        assert (folder / name).read_bytes() == (source / name).read_bytes(), name
    endings = {line.split()[1] for line in git(folder, "ls-files", "--eol").splitlines()}
    assert endings <= {"w/lf", "w/none", "w/-text"}


def written_to(folder: str) -> set[str]:
    """Return what of ``folder`` the stages in dvc.yaml write, by the first part of its path."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    entries = []
    for stage in stages.values():
        stage = stage.get("do", stage)
        entries += [entry for part in ("outs", "plots", "metrics") for entry in stage.get(part, [])]
    paths = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
    return {Path(path).parts[1] for path in paths if Path(path).parts[0] == folder}


@pytest.mark.parametrize("folder", ["data", "plots"])
def test_a_folder_of_outputs_has_a_page_that_names_them(folder):
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    names = {name.replace("${key}", "<model>") for name in written_to(folder)}
    assert len(names) > 3
    assert [name for name in sorted(names) if f"`{name}" not in text] == []


@pytest.mark.parametrize("folder", ["data", "plots"])
def test_no_stage_depends_on_that_page(folder):
    """Though the report depends on the whole folder `plots`."""
    with Repo(str(ROOT)) as repo:
        assert repo.dvcignore.is_ignored_file(str(ROOT / folder / "README.md"))
        assert not repo.dvcignore.is_ignored_file(str(ROOT / folder / "predictions.csv"))


@pytest.mark.process
def test_make_clean_leaves_what_is_in_git(tmp_path):
    folder = clones.clone(tmp_path / "clone")
    before = git(folder, "status", "--porcelain")
    written = ["data/raw/archive.zip", "data/split.csv", "data/.tmp-x/part", "plots/a/b.png", "models/a/model.json"]
    written += ["build/lib/scenes/a.py", "scenes.egg-info/PKG-INFO", ".resume/a", "scenes/__pycache__/a.pyc"]
    for name in written:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert git(folder, "status", "--porcelain") == before  # all of it is ignored
    subprocess.run(["make", "clean"], cwd=folder, check=True, capture_output=True, timeout=60)
    assert [name for name in written if (folder / name).exists()] == []
    assert git(folder, "status", "--porcelain") == before
    assert (folder / "data/README.md").is_file()
    assert (folder / "plots/README.md").is_file()
