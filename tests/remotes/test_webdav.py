"""WebDAV: a WsgiDAV server with a password, which writes an upload in place."""

import shutil
from types import SimpleNamespace

import pytest

from tests.helpers import repository, servers


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """``source``: a repository with the remote, whose objects lie in ``store``; ``relay`` before the server."""
    parent = tmp_path_factory.mktemp("webdav")
    store = parent / "served" / "scenes"
    store.mkdir(parents=True)
    with servers.webdav(store.parent) as port, servers.relay(port) as relay:
        changes = {
            "webdavs://server.example.org/scenes": f"webdav://127.0.0.1:{relay.port}/scenes",
            "my-password": servers.PASSWORD,
        }
        source = repository.create(parent / "source", *repository.lines("WebDAV", changes))
        yield SimpleNamespace(source=source, relay=relay, store=store)


@pytest.mark.process
def test_what_a_killed_push_leaves_is_noticed_made_anew_and_mended(team, tmp_path):
    large = repository.recorded(team.source)["large.bin"]
    repository.killed(team.relay, "up", 3_000_000, team.source, "push")
    assert "Everything is up to date" in repository.succeed(team.source, "push")
    assert repository.damaged(team.store) == [large[2:]]

    clone = repository.clone(team.source, tmp_path / "one")
    done = repository.dvc(clone, "pull")
    assert done.status == 1
    assert "Checkout failed for following targets:\nlarge.bin\n" in done.text
    assert not (clone / "large.bin").exists()
    repository.made_anew(clone)

    assert repository.mend(team.source, "--remove").returncode == 0
    assert "1 file pushed" in repository.succeed(team.source, "push")
    assert not repository.damaged(team.store)

    shutil.rmtree(team.source / ".dvc" / "cache")
    clone = repository.clone(team.source, tmp_path / "another")
    repository.killed(team.relay, "down", 3_000_000, clone, "pull")
    assert not (clone / "large.bin").exists()
    repository.succeed(clone, "pull")
    repository.check_hashes(clone)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("remote modify --local team password wrong", "401 (Not Authorized)"),
        ("remote modify team url webdav://127.0.0.1:{free}/scenes", "Connection refused"),
    ],
)
def test_a_message_is_explained(command, message, team, tmp_path):
    clone = repository.clone(team.source, tmp_path / "clone")
    done = repository.dvc(clone, command.format(free=servers.free_port()), "pull")
    assert done.status == 255
    assert message in done.text
    assert repository.explained(message)


@pytest.mark.process
def test_a_push_into_a_missing_folder(team, tmp_path):
    command = f"remote modify team url webdav://127.0.0.1:{team.relay.port}/missing"
    clone = repository.clone(team.source, tmp_path / "clone")
    done = repository.dvc(clone, command, "repro --quiet", "push")
    assert done.status == 255
    message = "The resource  could not be found in the server"
    assert message in done.text
    assert repository.explained(message)
