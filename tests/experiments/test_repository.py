"""Repositories in which DVC would lose an experiment or could not start it; each is a real one."""

import subprocess
from pathlib import Path

import pytest

from scenes.common.errors import InputError
from scenes.experiments import repository
from tests.helpers import dvc_cli, git

pytestmark = pytest.mark.process


def project(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git.init(folder)
    dvc_cli.succeed(folder, "init --quiet")
    git.commit(folder)
    return folder


def refusal(folder: Path, monkeypatch) -> str:
    monkeypatch.chdir(folder)
    with pytest.raises(InputError) as caught:
        repository.check()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_one_that_is_as_it_should_be(tmp_path, monkeypatch):
    monkeypatch.chdir(project(tmp_path / "project"))
    repository.check()
    assert len(repository.head()) == 40
    assert not repository.has_experiment("e1", repository.head())


def test_no_repository_and_no_commit(tmp_path, monkeypatch):
    assert "and git finds no repository here (fatal: not a git repository" in refusal(tmp_path, monkeypatch)
    git.init(tmp_path)
    assert "this repository has none; run `git commit` first" in refusal(tmp_path, monkeypatch)


def test_a_shallow_clone(tmp_path, monkeypatch):
    source = project(tmp_path / "project")
    (source / "later").touch()
    git.commit(source)
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", source.as_uri(), tmp_path / "clone"], check=True)
    assert "run `git fetch --unshallow` first" in refusal(tmp_path / "clone", monkeypatch)
    subprocess.run(["git", "fetch", "--quiet", "--unshallow"], cwd=tmp_path / "clone", check=True)
    repository.check()


def test_characters_that_are_not_ascii(tmp_path, monkeypatch):
    folder = project(tmp_path / "überall" / "project")
    assert f"DVC's cache, {folder}/.dvc/cache, has characters that are not ASCII" in refusal(folder, monkeypatch)
    dvc_cli.succeed(folder, f"config --local cache.dir {tmp_path / 'cache'}")
    repository.check()
    subprocess.run(["git", "config", "user.name", "Jörg"], cwd=folder, check=True)
    assert f"{folder}/.git/config has characters that are not ASCII, at 'name', with" in refusal(folder, monkeypatch)
