"""What is broken on a remote is found, named and removed, so that a push from a sound clone sends it anew."""

import re
import shutil
from types import SimpleNamespace

import pytest

from tests.helpers import repository, servers


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """A repository that has pushed to a folder beside it."""
    parent = tmp_path_factory.mktemp("pushed")
    repository.create(parent / "source", *repository.lines("folder", {"/mnt/shared/scenes": "../store"}), "push")
    return parent


@pytest.fixture
def team(pushed, tmp_path):
    """A copy of it: ``source``, and the ``store`` of its objects."""
    shutil.copytree(pushed, tmp_path, dirs_exist_ok=True, symlinks=True)
    return SimpleNamespace(source=tmp_path / "source", store=tmp_path / "store")


def test_a_sound_remote_is_said_to_be_sound(team):
    sound = repository.mend(team.source)
    assert (sound.returncode, sound.stdout) == (0, "objects read: 8; none is broken\n")


def test_a_remote_that_holds_nothing_does_not_pass(team):
    shutil.rmtree(team.store)
    empty = repository.mend(team.source)
    assert (empty.returncode, empty.stdout) == (1, "")
    assert f"error: there are no objects at {team.store}/files/md5; " in empty.stderr


def test_a_folder_that_lost_a_file_is_mended(team):
    lost = repository.stored(team.store, repository.md5(team.source / "folder" / "3.bin"))
    lost.unlink()
    assert "Everything is up to date" in repository.succeed(team.source, "push")
    removed = repository.mend(team.source, "--remove")
    assert "(folder): lists 1 missing or broken object" in removed.stdout
    assert "objects read: 7; removed: 1\n" in removed.stdout
    assert "2 files pushed" in repository.succeed(team.source, "push")
    assert lost.exists()
    assert repository.mend(team.source).returncode == 0


def test_a_damaged_file_has_its_name_in_a_clone_that_pulled_nothing(team, tmp_path):
    repository.damage(repository.stored(team.store, repository.md5(team.source / "folder" / "3.bin")))
    clone = repository.clone(team.source, tmp_path / "clone", secrets=False)
    broken = repository.mend(clone)
    assert broken.returncode == 1
    assert "(folder): lists 1 missing or broken object\n" in broken.stdout
    assert "(folder/3.bin): content does not match its name\n" in broken.stdout
    assert "error: broken: 2 of 8 objects; " in broken.stderr
    done = repository.dvc(clone, "pull")
    assert done.status == 1
    assert "Checkout failed for following targets:\nfolder\n" in done.text


@pytest.mark.parametrize("damage", [repository.another_name, repository.another_hash, repository.cut_short])
def test_a_damaged_listing_is_found_and_sent_anew(damage, team):
    listing = repository.stored(team.store, repository.recorded(team.source)["folder"])
    sound = listing.read_bytes()
    repository.rewrite(listing, damage(sound))
    assert listing.read_bytes() != sound
    broken = repository.mend(team.source)
    assert broken.returncode == 1
    assert broken.stdout == f"{listing} (folder): content does not match its name\n"
    assert repository.mend(team.source, "--remove").returncode == 0
    assert "1 file pushed" in repository.succeed(team.source, "push")
    assert listing.read_bytes() == sound
    assert repository.mend(team.source).returncode == 0


def test_the_rest_of_an_interrupted_push_is_removed(team):
    large = repository.stored(team.store, repository.recorded(team.source)["large.bin"])
    rest = large.with_name("Zy8TWdNYnLwkBvVEwnNcrp.tmp")
    rest.write_bytes(large.read_bytes()[:1000])
    assert "(not in dvc.lock): the rest of an interrupted push\n" in repository.mend(team.source).stdout
    assert "objects read: 9; removed: 1\n" in repository.mend(team.source, "--remove").stdout
    assert not rest.exists()
    assert large.exists()


@pytest.mark.parametrize(
    ("name", "reason"), [("closed", "refused"), ("unplugged", "'dvc-gs'"), ("unknown", "doesn't exist")]
)
def test_what_cannot_be_read_is_said_in_one_sentence(name, reason, team):
    closed = f"remote add closed webdav://127.0.0.1:{servers.free_port()}/scenes"
    repository.succeed(team.source, closed, "remote add unplugged gs://bucket")
    done = repository.mend(team.source, name)
    assert done.returncode == 1
    expected = rf"error: the remote can't be read \(.*{reason}.*\); docs/troubleshooting.md says what that means\n"
    assert re.fullmatch(expected, done.stderr)
