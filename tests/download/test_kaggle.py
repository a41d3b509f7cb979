"""Kaggle's official client, unpatched, against a server on this machine that plays Kaggle and its storage."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scenes.download.kaggle import _error
from tests.loopback import (
    DOWNLOAD,
    INTROSPECT,
    SIGNED,
    STORED,
    TOKEN,
    Reply,
    as_json,
    one_sentence_of,
    run_python,
    wait_until,
)

BODY = random.Random(2).randbytes(4_000_000)  # the client writes a megabyte at a time
FETCH = """
import sys
from scenes.common.errors import exit_on_input_error
from scenes.download.kaggle import fetch_dataset
dataset, version, stall_seconds = sys.argv[1], int(sys.argv[2]) or None, float(sys.argv[3])
with exit_on_input_error():
    print(fetch_dataset(dataset, version, "partial", stall_seconds=stall_seconds))
"""


@pytest.fixture
def partial(tmp_path):
    folder = tmp_path / "partial"
    folder.mkdir()
    return folder


def arguments(version: int = 0, stall_seconds: float = 20) -> list[str]:
    return ["-c", FETCH, "someone/pictures", str(version), str(stall_seconds)]


def fetch(loopback, tmp_path, *, version=0, stall_seconds=20.0, timeout=30, **environment):
    """Run the download in a process of its own, with a token unless ``environment`` says otherwise."""
    variables = {"KAGGLE_API_TOKEN": TOKEN, **environment}
    given = {name: value for name, value in variables.items() if value is not None}
    env = loopback.environment(tmp_path, **given)
    return run_python(*arguments(version, stall_seconds), cwd=tmp_path, env=env, timeout=timeout)


@pytest.mark.parametrize("version", [None, 3])
def test_body_is_the_storages(loopback, tmp_path, partial, version):
    loopback.play_kaggle(Reply(body=BODY))
    result = fetch(loopback, tmp_path, version=version or 0)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "partial/pictures.zip"
    assert [path.name for path in partial.iterdir()] == ["pictures.zip"]
    assert (partial / "pictures.zip").read_bytes() == BODY
    asked = loopback.asked(DOWNLOAD)[0]
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    question = json.loads(asked.body)
    assert (question["ownerSlug"], question["datasetSlug"]) == ("someone", "pictures")
    assert question.get("datasetVersionNumber") == version
    stored = loopback.asked(STORED)[0]
    assert "Authorization" not in stored.headers, "the token goes to Kaggle, not to the storage"
    assert TOKEN not in result.stdout + result.stderr


@pytest.mark.parametrize("credentials", ["variables", "kaggle.json", "access_token"])
def test_credentials_are_found_as_the_client_finds_them(loopback, tmp_path, partial, credentials):
    loopback.play_kaggle(Reply(body=BODY[:1000]))
    environment = {"KAGGLE_API_TOKEN": None}
    home = tmp_path / ".kaggle"
    if credentials == "variables":
        environment |= {"KAGGLE_USERNAME": "someone", "KAGGLE_KEY": TOKEN}
    else:
        home.mkdir()
        content = TOKEN if credentials == "access_token" else json.dumps({"username": "someone", "key": TOKEN})
        (home / credentials).write_text(content)
        (home / credentials).chmod(0o600)
    result = fetch(loopback, tmp_path, **environment)
    assert result.returncode == 0, result.stderr
    scheme = "Bearer" if credentials == "access_token" else "Basic"
    assert loopback.asked(DOWNLOAD)[0].headers["Authorization"].startswith(scheme)
    assert TOKEN not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("replies", "sentence"),
    [
        ({DOWNLOAD: as_json(401, code=401, message=f"{TOKEN} is bad")}, "does not know the token or key (401)"),
        ({INTROSPECT: as_json(401, code=401, message="bad")}, "does not know the token or key (401)"),
        ({INTROSPECT: as_json(404, code=404, message="bad")}, "does not know the token or key (401)"),
        ({DOWNLOAD: as_json(403, code=403, message="rules")}, "open https://www.kaggle.com/datasets/someone/pictures"),
        ({DOWNLOAD: as_json(404, code=404, message="none")}, "no such dataset or version (404)"),
        ({DOWNLOAD: as_json(200, code=404, message="none")}, "no such dataset or version (404)"),
        ({DOWNLOAD: as_json(429, code=429, message="slow")}, "no more requests for now (429)"),
        ({DOWNLOAD: Reply(500, b"oops")}, "a fault of its own (500)"),
        ({INTROSPECT: Reply(503, b"oops")}, "a fault of its own (503)"),
        ({STORED: Reply(403, b"<Error/>")}, "storage answers with status 403"),
        ({DOWNLOAD: Reply(302, headers={"Location": SIGNED}), STORED: Reply(302, headers={"Location": SIGNED})}, "end"),
    ],
)
def test_refusals(loopback, tmp_path, partial, replies, sentence):
    loopback.replies |= replies
    said = one_sentence_of(fetch(loopback, tmp_path, VERBOSE="1"))  # which makes the client print headers and bodies
    assert said.startswith("kaggle:someone/pictures: ")
    assert sentence in said
    assert list(partial.iterdir()) == []


def test_rate_limit_says_how_long(loopback, tmp_path, partial):
    loopback.replies[DOWNLOAD] = Reply(429, headers={"Retry-After": "90"})
    assert "run again later (90 s)" in one_sentence_of(fetch(loopback, tmp_path))


def test_no_credentials(loopback, tmp_path, partial):
    result = fetch(loopback, tmp_path, KAGGLE_API_TOKEN=None)
    assert "no Kaggle credentials found; make a token at https://www.kaggle.com/settings/api" in one_sentence_of(result)
    assert "Option A" not in result.stdout, "the client's help is not shown"
    assert loopback.requests == []


def test_connection_refused_by_the_proxy(loopback, tmp_path, partial):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy = f"http://user:{TOKEN}@127.0.0.1:{unused.getsockname()[1]}"
        said = one_sentence_of(fetch(loopback, tmp_path, https_proxy=proxy))
    assert "the proxy that the environment names (https_proxy) cannot be reached" in said


def test_connection_refused(loopback, tmp_path, partial):
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 80)) == 0:
            pytest.skip("something listens on port 80 of this machine, where the client is to be refused")
    local = {"KAGGLE_API_ENVIRONMENT": "LOCALHOST", "no_proxy": "localhost"}  # the client's own setting: localhost:80
    assert "the connection was refused" in one_sentence_of(fetch(loopback, tmp_path, **local))


def test_connection_closed(loopback, tmp_path, partial):
    loopback.refuse_connect = True
    assert "check the network and run again" in one_sentence_of(fetch(loopback, tmp_path))


def test_certificate_that_is_not_trusted(loopback, tmp_path, partial):
    untrusting = {"REQUESTS_CA_BUNDLE": None}
    env = loopback.environment(tmp_path, KAGGLE_API_TOKEN=TOKEN)
    env = {name: value for name, value in env.items() if name not in untrusting}
    result = run_python(*arguments(), cwd=tmp_path, env=env)
    assert "the TLS certificate is not trusted" in one_sentence_of(result)


def test_stall_ends_and_the_next_run_continues_or_starts_anew(loopback, tmp_path, partial):
    loopback.play_kaggle(Reply(body=BODY, stall=2_500_000))
    said = one_sentence_of(fetch(loopback, tmp_path, stall_seconds=3, VERBOSE="1"))
    kept = (partial / "pictures.zip").stat().st_size
    assert f"nothing arrived for 3 s (after {kept} bytes)" in said
    assert 0 < kept <= 2_500_000
    shutil.copytree(partial, tmp_path / "as it was")

    loopback.play_kaggle(Reply(body=BODY))
    assert fetch(loopback, tmp_path).returncode == 0
    assert loopback.ranges() == [f"bytes={kept}-"]
    assert (partial / "pictures.zip").read_bytes() == BODY

    shutil.rmtree(partial)
    (tmp_path / "as it was").rename(partial)
    loopback.play_kaggle(Reply(body=BODY[::-1], etag='"two"'))  # a new version of the dataset
    assert fetch(loopback, tmp_path).returncode == 0
    assert (partial / "pictures.zip").read_bytes() == BODY[::-1]


def test_silent_kaggle_ends(loopback, tmp_path, partial):
    loopback.replies[DOWNLOAD] = Reply(200, b"{}", stall=0)
    assert "nothing arrived for 2 s (after 0 bytes)" in one_sentence_of(fetch(loopback, tmp_path, stall_seconds=2))


def test_broken_connection_is_continued_by_the_client(loopback, tmp_path, partial):
    loopback.play_kaggle([Reply(body=BODY, cut=2_500_000), Reply(body=BODY)])
    assert fetch(loopback, tmp_path).returncode == 0
    assert len(loopback.ranges()) == 1
    assert (partial / "pictures.zip").read_bytes() == BODY


def test_error_page_in_the_middle_is_not_continued(loopback, tmp_path, partial):
    # The client appends whatever status comes to its retry, and its note would vouch for it in the next run.
    loopback.play_kaggle([Reply(body=BODY, cut=1_500_000), Reply(503, b"busy"), Reply(503, b"busy")])
    assert "not the length that was announced" in one_sentence_of(fetch(loopback, tmp_path))
    assert list(partial.iterdir()) == []


def test_killed_process_takes_the_client_with_it(loopback, tmp_path, partial):
    loopback.play_kaggle(Reply(body=BODY, pause=0.5))  # left alone, the client would go on for half a minute
    env = loopback.environment(tmp_path, KAGGLE_API_TOKEN=TOKEN)
    process = subprocess.Popen([sys.executable, *arguments()], cwd=tmp_path, env=env, start_new_session=True)
    try:
        wait_until(lambda: (partial / "pictures.zip").exists())
        clients = _children_of(process.pid)
        assert len(clients) == 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(lambda: not _is_running(clients[0]), seconds=5)


def test_what_cannot_be_played_has_a_sentence_too(tmp_path):
    def sentence(**outcome):
        return str(_error(outcome, "kaggle:a/b", "https://www.kaggle.com/datasets/a/b", tmp_path))

    assert "the host name has no address" in sentence(network="the host name has no address (DNS)")
    assert "gave up (KeyError)" in sentence(failed="KeyError")
    assert "status 418" in sentence(status=418, storage=False)
    full = _error({"failed": "disk"}, "kaggle:a/b", "", tmp_path)
    assert isinstance(full, OSError)


def _children_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        pytest.skip("this system does not list a process's children")
    return [int(child) for child in children.read_text().split()]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
