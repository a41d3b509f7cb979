"""What the docs say of a cache and a remote for several users: their lines, in clones of a small repository."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.code_facts import ROOT
from tests.helpers import repository

DOCUMENT = " ".join((ROOT / "docs/experiments.md").read_text(encoding="utf-8").split())
SHARED = "/shared/dvc-cache"

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


@pytest.fixture
def private_umask():
    """What is made here is for its owner alone, unless its maker sees to it."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_clone_takes_from_the_shared_cache_what_another_computed(private_umask, tmp_path):
    lines = re.findall(r"`dvc ((?:cache|config) [^`]*)`", DOCUMENT)
    assert sum(SHARED in line for line in lines) == 1
    shared = tmp_path / "shared"
    lines = [line.replace(SHARED, str(shared)) for line in lines]
    source = repository.create(tmp_path / "source")
    mine, yours = (repository.clone(source, tmp_path / name, secrets=False) for name in ("mine", "yours"))
    assert "Running stage 'write'" in repository.succeed(mine, *lines, "repro")
    assert "Running stage" not in repository.succeed(yours, *lines, "repro")
    repository.check_hashes(yours)
    assert not (yours / ".dvc" / "cache").exists()

    # Nor does it run what the other has tried and not committed.
    code = (mine / "write.py").read_text().replace("Random(0)", "Random(1)")
    for clone, word in ((mine, "Running stage 'write'"), (yours, "Stage 'write' is cached - skipping run")):
        (clone / "write.py").write_text(code)
        assert word in repository.succeed(clone, "repro")
        repository.check_hashes(clone)

    # Nothing stands on the disk twice.
    large = yours / "large.bin"
    reflink = subprocess.run(["cp", "--reflink=always", large, tmp_path / "copy"], capture_output=True)
    assert large.resolve().is_relative_to(shared) == (reflink.returncode != 0)
    check_group(shared)


def check_group(shared: Path) -> None:
    """The group may read everything and add to every folder."""
    folders = [shared, *(path for path in shared.rglob("*") if path.is_dir())]
    assert all(folder.stat().st_mode & 0o070 == 0o070 for folder in folders)
    assert all(path.stat().st_mode & 0o040 for path in shared.rglob("*") if path.is_file())


def test_the_group_may_add_to_a_folder_remote_for_several_users(private_umask, tmp_path):
    section = repository.REMOTES.partition("\n## A folder for several users\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^dvc (remote .+)$", section, re.MULTILINE)
    assert sum("shared group" in line for line in lines) == 1
    source = repository.create(tmp_path / "source", *(line.replace("/mnt/shared", str(tmp_path)) for line in lines))
    assert "pushed" in repository.succeed(source, "push")
    check_group(tmp_path / "scenes")
