"""SSH: OpenSSH's server on loopback, with a key to log in and a host key of its own."""

import os
import pwd
import shutil
from types import SimpleNamespace

import pytest

from tests.code_facts import ROOT
from tests.helpers import repository, servers

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """``source``: a repository with the remote, whose objects lie in ``store``; ``relay`` before the server."""
    parent = tmp_path_factory.mktemp("ssh")
    store, keys = parent / "store", parent / "keys"
    with servers.ssh(keys) as port, servers.relay(port) as relay:
        changes = {
            "ssh://server.example.org/srv/scenes": f"ssh://127.0.0.1:{relay.port}{store}",
            "~/.ssh/id_ed25519": f"{keys}/user",
            "user ann": f"user {pwd.getpwuid(os.getuid()).pw_name}",
        }
        source = repository.create(parent / "source", *repository.lines("SSH", changes))
        yield SimpleNamespace(source=source, relay=relay, port=port, store=store, keys=keys)


def test_a_push_and_a_pull_go_on_after_a_kill(team, tmp_path):
    large = repository.recorded(team.source)["large.bin"]
    repository.killed(team.relay, "up", 3_000_000, team.source, "push")
    assert not repository.stored(team.store, large).exists()
    assert "pushed" in repository.succeed(team.source, "push")
    left = repository.damaged(team.store)  # by the kill
    assert len(left) == 1 and left[0].endswith(".tmp")
    assert "the rest of an interrupted push" in repository.mend(team.source, "--remove").stdout
    assert not repository.damaged(team.store)

    shutil.rmtree(team.source / ".dvc" / "cache")
    clone = repository.clone(team.source, tmp_path / "clone")
    repository.killed(team.relay, "down", 3_000_000, clone, "pull")
    assert not (clone / "large.bin").exists()
    repository.succeed(clone, "pull")
    repository.check_hashes(clone)


@pytest.fixture
def pushed(team):
    """The same, with everything on the server, whether or not another test has pushed it."""
    if not repository.stored(team.store, repository.recorded(team.source)["large.bin"]).exists():
        repository.succeed(team.source, "push")
    return team


def test_a_damaged_object_is_noticed_named_and_made_anew(pushed, tmp_path):
    large = repository.stored(pushed.store, repository.recorded(pushed.source)["large.bin"])
    repository.damage(large)
    clone = repository.clone(pushed.source, tmp_path / "clone")
    done = repository.dvc(clone, "pull")
    repository.damage(large)
    assert done.status == 1
    assert "Checkout failed for following targets:\nlarge.bin\n" in done.text
    assert not (clone / "large.bin").exists()
    repository.made_anew(clone)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("remote modify --local team keyfile {keys}/other", "Permission denied for user"),
        ("remote modify --local team keyfile {keys}/none", "No such file or directory"),
        ("remote modify team port {free}", "Connect call failed"),
    ],
)
def test_a_message_is_explained(command, message, team, tmp_path):
    clone = repository.clone(team.source, tmp_path / "clone")
    done = repository.dvc(clone, command.format(keys=team.keys, free=servers.free_port()), "pull")
    assert done.status == 1
    assert message in done.text
    assert repository.explained(message)


def test_a_host_is_known_only_through_openssh(pushed, tmp_path):
    """Another server's key in known_hosts: DVC connects, and through ProxyCommand it does not."""
    clone = repository.clone(pushed.source, tmp_path / "clone")
    settings = tmp_path / "home" / ".ssh"
    settings.mkdir(parents=True)
    proxy = "ProxyCommand ssh -o StrictHostKeyChecking=yes -W localhost:22 ann@server.example.org"
    assert proxy in (ROOT / "docs/remotes.md").read_text(encoding="utf-8")
    known = settings / "known_hosts"
    # ssh looks for the files of the user that /etc/passwd names, whatever HOME is.
    here = f"-F none -i {pushed.keys}/user -o UserKnownHostsFile={known} -p {pushed.port} -W 127.0.0.1:{pushed.port} "
    proxy = proxy.replace("-W localhost:22 ann@server.example.org", here + "127.0.0.1")
    (settings / "config").write_text(f"Host scenes-remote\n    IdentityFile {pushed.keys}/user\n    {proxy}\n")

    def knows(name):
        known.write_text(f"[127.0.0.1]:{pushed.port} {(pushed.keys / name).with_suffix('.pub').read_text()}")

    knows("other")
    repository.succeed(clone, "pull folder")
    through_openssh = f"remote modify team url ssh://scenes-remote{pushed.store}"
    done = repository.dvc(clone, through_openssh, "pull large.bin")
    assert done.status == 1
    assert "Connection lost" in done.text
    knows("host")
    repository.succeed(clone, "pull large.bin")
    repository.check_hashes(clone)
