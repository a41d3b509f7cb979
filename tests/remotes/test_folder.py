"""A folder as remote: the one beside the project that .dvc/config names, with what the pipeline made, and others."""

import json
import os
import re
import shutil
import time
from types import SimpleNamespace

import pytest

from tests.remotes import repository

pytestmark = pytest.mark.timeout(900)  # for the pipeline, which another test may be making
DAMAGED = "data/split.csv"


@pytest.fixture(scope="module")
def team(pipeline, tmp_path_factory):
    """``source``: a clone in which the pipeline has run, committed and pushed to ``store``; its cache is gone."""
    parent = tmp_path_factory.mktemp("folder")
    source = parent / "source"
    shutil.copytree(pipeline.one, source, symlinks=True)
    repository.commit(source)
    store = parent / "scenes-remote"
    early = repository.clone(source, parent / "early", secrets=False)
    before = SimpleNamespace(pull=repository.dvc(early, "pull"), check=repository.mend(early))
    assert not store.exists()
    assert "pushed" in repository.succeed(source, "push")
    shutil.rmtree(source / ".dvc" / "cache")
    return SimpleNamespace(parent=parent, source=source, store=store, before=before)


def test_before_any_push_a_pull_and_a_check_say_that_there_is_nothing(team):
    assert team.before.check.returncode == 1
    assert team.before.check.stdout == ""
    assert f"error: no object is at {team.store}/files/md5; " in team.before.check.stderr
    assert team.before.pull.status == 1
    message = "do not exist neither locally nor on remote"
    assert message in team.before.pull.text
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
    repository.git(clone, "diff", "--exit-code")

    # The remote is mended as the document says.
    assert "Everything is up to date" in repository.succeed(clone, "push")
    printed = repository.mend(clone)
    assert printed.returncode == 1
    assert f"({DAMAGED}): not the bytes of its name" in printed.stdout
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
    repository.git(source, "check-ignore", ".dvc/config.local")
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


def test_a_folder_that_lost_a_file_is_mended(tmp_path):
    store = tmp_path / "store"
    changes = {"/mnt/shared/scenes": str(store)}
    source = repository.create(tmp_path / "source", *repository.lines("folder", changes), "push")
    lost = repository.stored(store, repository.md5(source / "folder" / "3.bin"))
    lost.unlink()
    assert "Everything is up to date" in repository.succeed(source, "push")
    removed = repository.mend(source, "--remove")
    assert "(folder): lists 1 missing or broken" in removed.stdout
    assert "objects read: 7; removed: 1\n" in removed.stdout
    assert "2 files pushed" in repository.succeed(source, "push")
    assert lost.exists()
    sound = repository.mend(source)
    assert (sound.returncode, sound.stdout) == (0, "objects read: 8; none is broken\n")

    # A file that is damaged has its name in a clone that has pulled nothing, too.
    repository.damage(lost)
    clone = repository.clone(source, tmp_path / "clone", secrets=False)
    found = repository.mend(clone)
    assert found.returncode == 1
    assert "(folder): lists 1 missing or broken\n" in found.stdout
    assert "(folder/3.bin): not the bytes of its name\n" in found.stdout
    assert "error: broken: 2 of 8 objects; " in found.stderr
    done = repository.dvc(clone, "pull")
    assert done.status == 1
    assert "Checkout failed for following targets:\nfolder\n" in done.text
    repository.made_anew(clone)


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """``source``: a repository that has pushed to ``store``, where ``listing`` is that of its folder."""
    parent = tmp_path_factory.mktemp("listed")
    store = parent / "store"
    changes = {"/mnt/shared/scenes": str(store)}
    source = repository.create(parent / "source", *repository.lines("folder", changes), "push")
    listing = repository.stored(store, repository.recorded(source)["folder"])
    return SimpleNamespace(source=source, store=store, listing=listing)


def another_name(listing: bytes) -> bytes:
    return listing.replace(b'"3.bin"', b'"8.bin"')


def another_hash(listing: bytes) -> bytes:
    entries = json.loads(listing)
    digit = entries[3]["md5"][-1]
    entries[3]["md5"] = entries[3]["md5"][:-1] + ("1" if digit == "0" else "0")
    return json.dumps(entries).encode()


def cut_short(listing: bytes) -> bytes:
    return listing[:-1]


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [(another_name, 0, None), (another_hash, 1, "failed to transfer"), (cut_short, 255, "is corrupted")],
)
def test_a_damaged_listing(change, status, message, listed, tmp_path):
    """`verify true` does not cover it: what a pull says of each kind, what finds all, and what repairs them."""
    sound = listed.listing.read_bytes()
    listed.listing.chmod(0o644)
    listed.listing.write_bytes(change(sound))
    assert listed.listing.read_bytes() != sound
    clone = repository.clone(listed.source, tmp_path / "clone", secrets=False)
    before = repository.mend(clone)
    assert before.returncode == 1
    assert before.stdout == f"{listed.listing} (folder): not the bytes of its name\n"

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
    assert repository.mend(clone, "--remove").returncode == 0
    assert "1 file pushed" in repository.succeed(clone, "push")
    assert listed.listing.read_bytes() == sound
    assert repository.mend(clone).returncode == 0


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
