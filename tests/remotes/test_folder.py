"""A folder as remote: the one beside the project that .dvc/config names, with what the pipeline made, and others."""

import os
import re
import shutil
import time
from types import SimpleNamespace

import pytest

from tests.helpers import git, repository

# 900 s for the pipeline, which another test may be making.
pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]
DAMAGED = "data/split.csv"


@pytest.fixture(scope="module")
def team(pipeline, tmp_path_factory):
    """``source``: a clone in which the pipeline has run, committed and pushed to ``store``; its cache is gone."""
    parent = tmp_path_factory.mktemp("folder")
    source = parent / "source"
    shutil.copytree(pipeline.one, source, symlinks=True)
    git.commit(source)
    store = parent / "scenes-remote"
    early = repository.clone(source, parent / "early", secrets=False)
    before = repository.dvc(early, "pull")
    assert not store.exists()
    assert "pushed" in repository.succeed(source, "push")
    shutil.rmtree(source / ".dvc" / "cache")
    return SimpleNamespace(parent=parent, source=source, store=store, before=before)


def test_before_any_push_a_pull_says_that_there_is_nothing(team):
    assert team.before.status == 1
    message = "do not exist neither locally nor on remote"
    assert message in team.before.text
    assert repository.explained(message)


def test_a_fresh_clone_pulls_every_result(team):
    clone = repository.clone(team.source, team.parent / "fresh", secrets=False)
    repository.succeed(clone, "pull")
    repository.check_hashes(clone)
    assert "Data and pipelines are up to date" in repository.succeed(clone, "repro")


def test_a_damaged_object_is_noticed_named_and_made_anew(team):
    damaged = repository.recorded(team.source)[DAMAGED]
    repository.damage(repository.stored(team.store, damaged))
    clone = repository.clone(team.source, team.parent / "damaged", secrets=False)
    done = repository.dvc(clone, "pull")
    assert done.status == 1
    assert f"Checkout failed for following targets:\n{DAMAGED}\n" in done.text
    assert not (clone / DAMAGED).exists()
    assert not (clone / ".dvc" / "cache" / "files" / "md5" / damaged[:2] / damaged[2:]).exists()

    text = repository.succeed(clone, "repro")
    assert "Running stage 'split'" in text
    assert text.count("Running stage") == 1
    repository.check_hashes(clone)
    assert git.changed(clone) == []

    # The remote is mended as the document says.
    assert "Everything is up to date" in repository.succeed(clone, "push")
    printed = repository.mend(clone)
    assert printed.returncode == 1
    assert f"({DAMAGED}): content does not match its name" in printed.stdout
    assert repository.mend(clone, "--remove").returncode == 0
    assert "1 file pushed" in repository.succeed(clone, "push")
    assert not repository.damaged(team.store)


def test_lines_for_every_kind_keep_secrets_out_of_git(tmp_path):
    kinds = ("folder", "S3", "a server like S3", "SSH", "WebDAV", "Google Cloud", "Azure")
    commands = [
        command.replace(" team", f" team-{number}")
        for number, kind in enumerate(kinds)
        for command in repository.lines(kind, {})
    ]
    source = repository.create(tmp_path / "source", *commands)
    public = (source / ".dvc" / "config").read_text()
    secret = (source / ".dvc" / "config.local").read_text()
    assert public.count("verify = true") == len(kinds)
    for word in ("my-id", "my-secret", "id_ed25519", "my-password", "scenes.json", "my-key"):
        assert word in secret
        assert word not in public
    assert git.ignored(source, ".dvc/config.local")
    # A kind whose plugin is not installed says so.
    done = repository.dvc(source, "pull -r team-5")
    assert "gs is supported, but requires 'dvc-gs' to be installed" in done.text


def test_without_verify_dvc_takes_a_damaged_object(tmp_path):
    """The reason for `verify true`."""
    store = tmp_path / "store"
    changes = {"/mnt/shared/scenes": str(store)}
    source = repository.create(tmp_path / "source", *repository.lines("folder", changes), "push")
    repository.damage(repository.stored(store, repository.recorded(source)["large.bin"]))
    clone = repository.clone(source, tmp_path / "clone", secrets=False)
    text = repository.succeed(clone, "remote modify team verify false", "pull", "status")
    assert "Data and pipelines are up to date" in text
    assert repository.recomputed(clone / "large.bin") != repository.recorded(clone)["large.bin"]


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """``source``: a repository that has pushed to ``store``, where ``listing`` is that of its folder."""
    parent = tmp_path_factory.mktemp("listed")
    store = parent / "store"
    changes = {"/mnt/shared/scenes": str(store)}
    source = repository.create(parent / "source", *repository.lines("folder", changes), "push")
    listing = repository.stored(store, repository.recorded(source)["folder"])
    return SimpleNamespace(source=source, listing=listing, sound=listing.read_bytes())


@pytest.mark.parametrize(
    ("damage", "status", "message"),
    [
        (repository.another_name, 0, None),
        (repository.another_hash, 1, "failed to transfer"),
        (repository.cut_short, 255, "is corrupted"),
    ],
)
def test_a_pull_of_a_damaged_listing(damage, status, message, listed, tmp_path):
    """`verify true` does not cover it: what a pull says of each kind, and what makes the folder anew."""
    repository.rewrite(listed.listing, damage(listed.sound))
    clone = repository.clone(listed.source, tmp_path / "clone", secrets=False)
    done = repository.dvc(clone, "pull")
    assert done.status == status
    if message:
        assert message in done.text and repository.explained(message)
        assert not (clone / "folder").exists()
    else:
        assert "ERROR" not in done.text and "WARNING" not in done.text
        assert (clone / "folder" / "8.bin").exists()
    assert re.search(r"not in cache: +folder\n", repository.succeed(clone, "status"))
    assert repository.dvc(clone, "repro --pull").status == 255
    repository.made_anew(clone)


def test_a_push_and_a_pull_go_on_after_a_kill(tmp_path):
    store = tmp_path / "store"
    source = repository.create(tmp_path / "source", *repository.lines("folder", {"/mnt/shared/scenes": str(store)}))
    large = repository.recorded(source)["large.bin"]

    def kill(command, folder, origin, arrived):
        """Kill it at large.bin, whose object in ``origin`` is a pipe meanwhile, so that reading it takes for ever."""
        sound = origin.read_bytes()
        origin.unlink()
        os.mkfifo(origin)
        origin.chmod(0o444)  # as DVC leaves an object
        process = repository.start(folder, command)
        deadline = time.monotonic() + 60
        while len(list(arrived.glob("??/*"))) < 7 and time.monotonic() < deadline:  # six files and their listing
            time.sleep(0.01)
        process.kill()
        text, _ = process.communicate()
        assert process.returncode == -9, text
        origin.unlink()
        origin.write_bytes(sound)
        origin.chmod(0o444)

    cache = source / ".dvc" / "cache"
    kill("push", source, repository.stored(cache, large), store / "files" / "md5")
    assert "1 file pushed" in repository.succeed(source, "push")
    assert not repository.damaged(store)
    shutil.rmtree(cache)
    clone = repository.clone(source, tmp_path / "clone", secrets=False)
    kill("pull", clone, repository.stored(store, large), clone / ".dvc" / "cache" / "files" / "md5")
    assert not (clone / "large.bin").exists()
    repository.succeed(clone, "pull")
    repository.check_hashes(clone)
