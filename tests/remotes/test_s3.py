"""S3: moto's server, which checks the signature of every request."""

import shutil
from types import SimpleNamespace

import pytest

from tests.helpers import repository, servers


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """``source``: a repository with the remote; ``relay`` before its server; ``key`` and a ``client`` of its own."""
    parent = tmp_path_factory.mktemp("s3")
    with servers.s3("scenes") as (port, key, client), servers.relay(port) as relay:
        changes = {
            "s3://my-bucket/scenes": "s3://scenes/team",
            "https://s3.example.org": f"http://127.0.0.1:{relay.port}",
        }
        secrets = {"my-id": key["AccessKeyId"], "my-secret": key["SecretAccessKey"]}
        local = [line for line in repository.lines("S3", secrets) if "--local" in line]
        commands = repository.lines("a server like S3", changes) + local
        source = repository.create(parent / "source", *commands)
        yield SimpleNamespace(source=source, relay=relay, key=key, client=client)


def objects(team):
    """Return the content of each object on the server, by its DVC name."""
    listed = team.client.list_objects_v2(Bucket="scenes").get("Contents", ())
    return {
        "".join(item["Key"].split("/")[-2:]): team.client.get_object(Bucket="scenes", Key=item["Key"])["Body"].read()
        for item in listed
    }


@pytest.mark.process
def test_a_push_and_a_pull_go_on_after_a_kill(team, tmp_path):
    repository.killed(team.relay, "up", 3_000_000, team.source, "push")
    large = repository.recorded(team.source)["large.bin"]
    assert large not in objects(team)
    assert "pushed" in repository.succeed(team.source, "push")
    assert large in objects(team)
    assert "config.local" not in (team.source / ".git" / "index").read_bytes().decode("latin-1")

    shutil.rmtree(team.source / ".dvc" / "cache")
    clone = repository.clone(team.source, tmp_path / "clone", secrets=False)
    key = {"AWS_ACCESS_KEY_ID": team.key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": team.key["SecretAccessKey"]}
    repository.killed(team.relay, "down", 3_000_000, clone, "pull", **key)
    assert not (clone / "large.bin").exists()
    repository.succeed(clone, "pull", **key)
    repository.check_hashes(clone)


@pytest.fixture
def pushed(team):
    """The same, with everything on the server, whether or not another test has pushed it."""
    if repository.recorded(team.source)["large.bin"] not in objects(team):
        repository.succeed(team.source, "push")
    return team


@pytest.mark.process
def test_a_damaged_object_is_noticed_named_and_made_anew(pushed, tmp_path):
    large = repository.recorded(pushed.source)["large.bin"]
    key = f"team/files/md5/{large[:2]}/{large[2:]}"
    sound = objects(pushed)[large]
    pushed.client.put_object(Bucket="scenes", Key=key, Body=repository.flip_a_bit(sound))
    clone = repository.clone(pushed.source, tmp_path / "clone")
    done = repository.dvc(clone, "pull")
    found = repository.mend(clone)
    pushed.client.put_object(Bucket="scenes", Key=key, Body=sound)
    assert done.status == 1
    assert "Checkout failed for following targets:\nlarge.bin\n" in done.text
    assert not (clone / "large.bin").exists()
    assert found.returncode == 1
    assert found.stdout == f"scenes/{key} (large.bin): content does not match its name\n"
    repository.made_anew(clone)


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        (
            ["remote modify --local team secret_access_key wrong"],
            "An error occurred (403) when calling the HeadObject operation: Forbidden",
        ),
        (["remote modify team url s3://missing/team"], "The specified bucket does not exist"),
        (["remote modify team endpointurl http://127.0.0.1:{port}"], "Could not connect to the endpoint URL"),
        (
            [
                "remote modify --local --unset team access_key_id",
                "remote modify --local --unset team secret_access_key",
            ],
            "Unable to locate credentials",
        ),
    ],
)
def test_a_message_is_explained(commands, message, team, tmp_path):
    clone = repository.clone(team.source, tmp_path / "clone")
    commands = [command.format(port=servers.free_port()) for command in commands]
    # No more tries than one, and no look for the keys of a machine at Amazon.
    done = repository.dvc(clone, *commands, "pull", AWS_MAX_ATTEMPTS="1", AWS_EC2_METADATA_DISABLED="true")
    assert done.status in (1, 255)
    assert message in done.text
    assert repository.explained(message)
    assert not (clone / "large.bin").exists()
