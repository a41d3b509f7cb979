"""Kaggle's official client against a server on this machine that plays Kaggle and its storage."""

import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from scenes.common.errors import InputError
from scenes.download import kaggle as download_kaggle
from scenes.download.kaggle import _error, _run_client, _watch
from tests.helpers.loopback import (
    DOWNLOAD,
    INTROSPECT,
    SIGNATURE,
    SIGNED,
    STORED,
    TOKEN,
    Reply,
    as_json,
    play_only,
    run_python,
    wait_until,
)

BODY = random.Random(2).randbytes(4_000_000)  # the client writes a megabyte at a time
FETCH = """
import sys
from scenes.common.errors import exit_on_input_error
from scenes.download.kaggle import fetch_dataset
with exit_on_input_error():
    print(fetch_dataset("someone/pictures", None, "partial"))
"""


@pytest.fixture
def partial(tmp_path):
    folder = tmp_path / "partial"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def kaggle(session_loopback, tmp_path_factory):
    """The official client, imported without reading or writing anything in this user's home."""
    with pytest.MonkeyPatch.context() as patch:
        play_only(session_loopback, tmp_path_factory.mktemp("home"), patch)
        import kaggle
    return kaggle.api


@pytest.fixture
def home(loopback, kaggle, tmp_path, monkeypatch):
    """The home of a user who has a token; the client in this process knows no other and never waits to try again."""
    home = tmp_path / "home"
    home.mkdir()
    play_only(loopback, home, monkeypatch, KAGGLE_API_TOKEN=TOKEN)
    monkeypatch.setattr(kaggle, "config", str(home / ".kaggle/kaggle.json"))  # found when it was imported
    at_once = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})
    monkeypatch.setattr(sys.modules[type(kaggle).__module__], "time", at_once)
    return home


def run(partial, version: int = 0) -> dict:
    """Run the client in this process; return what it tells the other one."""
    outcome = _run_client("someone/pictures" + (f"/{version}" if version else ""), str(partial))
    assert json.loads(json.dumps(outcome)) == outcome
    return outcome


def sentence_for(outcome: dict) -> str:
    assert outcome
    error = _error(outcome, "kaggle:a/b", "https://www.kaggle.com/datasets/a/b", Path("partial/b.zip"))
    assert isinstance(error, InputError)
    said = str(error)
    assert said.startswith("kaggle:a/b: ")
    assert "\n" not in said
    for text in (said, json.dumps(outcome)):
        assert TOKEN not in text
        assert SIGNATURE not in text
    return said


# The client, in this process


@pytest.mark.parametrize("version", [None, 3])
def test_body_is_the_storages(loopback, home, partial, version):
    loopback.play_kaggle(Reply(body=BODY))
    assert run(partial, version or 0) == {}
    assert [path.name for path in partial.iterdir()] == ["pictures.zip"]
    assert (partial / "pictures.zip").read_bytes() == BODY
    asked = loopback.asked(DOWNLOAD)[0]
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    question = json.loads(asked.body)
    assert (question["ownerSlug"], question["datasetSlug"]) == ("someone", "pictures")
    assert question.get("datasetVersionNumber") == version
    stored = loopback.asked(STORED)[0]
    assert "Authorization" not in stored.headers, "the token goes to Kaggle, not to the storage"


@pytest.mark.parametrize("credentials", ["variables", "kaggle.json", "access_token"])
def test_credentials_are_found_as_the_client_finds_them(loopback, home, partial, monkeypatch, credentials):
    loopback.play_kaggle(Reply(body=BODY[:1000]))
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    if credentials == "variables":
        monkeypatch.setenv("KAGGLE_USERNAME", "someone")
        monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    else:
        (home / ".kaggle").mkdir()
        content = TOKEN if credentials == "access_token" else json.dumps({"username": "someone", "key": TOKEN})
        (home / ".kaggle" / credentials).write_text(content)
        (home / ".kaggle" / credentials).chmod(0o600)
    assert run(partial) == {}
    scheme = "Bearer" if credentials == "access_token" else "Basic"
    assert loopback.asked(DOWNLOAD)[0].headers["Authorization"].startswith(scheme)


@pytest.mark.parametrize(
    ("replies", "sentence"),
    [
        ({DOWNLOAD: as_json(401, code=401, message=f"{TOKEN} is bad")}, "rejects the token or key (401)"),
        ({INTROSPECT: as_json(401, code=401, message="bad")}, "rejects the token or key (401)"),
        ({INTROSPECT: as_json(404, code=404, message="bad")}, "rejects the token or key (401)"),
        ({DOWNLOAD: as_json(403, code=403, message="rules")}, "open https://www.kaggle.com/datasets/a/b, signed in"),
        ({DOWNLOAD: as_json(404, code=404, message="none")}, "no such dataset or version (404)"),
        ({DOWNLOAD: as_json(200, code=404, message="none")}, "no such dataset or version (404)"),
        ({DOWNLOAD: as_json(429, code=429, message="slow")}, "no more requests for now (429)"),
        ({DOWNLOAD: Reply(429, headers={"Retry-After": "90"})}, "run again later (90 s)"),
        ({DOWNLOAD: Reply(500, b"oops")}, "an internal error (500)"),
        ({INTROSPECT: Reply(503, b"oops")}, "an internal error (503)"),
        ({STORED: Reply(403, b"<Error/>")}, "storage answers with status 403"),
        ({DOWNLOAD: Reply(302, headers={"Location": SIGNED}), STORED: Reply(302, headers={"Location": SIGNED})}, "end"),
    ],
)
def test_refusals(loopback, home, partial, replies, sentence):
    loopback.replies |= replies
    assert sentence in sentence_for(run(partial))
    assert list(partial.iterdir()) == []


def test_no_credentials(loopback, home, partial, monkeypatch):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    said = sentence_for(run(partial))
    assert "no Kaggle credentials found; make a token at https://www.kaggle.com/settings/api" in said
    assert loopback.requests == []


def test_home_that_cannot_be_written(home, partial, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "kaggle"]:
        monkeypatch.delitem(sys.modules, name)  # the client makes its folder when it is imported
    (home / "file").touch()
    monkeypatch.setenv("HOME", str(home / "file"))
    said = sentence_for(run(partial))
    assert f"cannot use {home / 'file'}" in said
    assert "(Not a directory); set HOME, or KAGGLE_CONFIG_DIR, to a folder that it can read and write" in said


def test_ca_bundle_that_is_not_there(home, partial, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(home / "none.pem"))
    assert "there is no CA certificate where REQUESTS_CA_BUNDLE" in sentence_for(run(partial))


def test_connection_refused_by_the_proxy(home, partial, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("https_proxy", f"http://user:{TOKEN}@127.0.0.1:{unused.getsockname()[1]}")
        said = sentence_for(run(partial))
    assert "the proxy (https_proxy) cannot be reached" in said


def test_connection_closed(loopback, home, partial):
    loopback.refuse_connect = True
    assert "check the network and run again" in sentence_for(run(partial))


def test_certificate_that_is_not_trusted(home, partial, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert "the TLS certificate is not trusted" in sentence_for(run(partial))


def test_broken_connection_is_continued_by_the_client(loopback, home, partial):
    loopback.play_kaggle([Reply(body=BODY, cut=2_500_000), Reply(body=BODY)])
    assert run(partial) == {}
    assert len(loopback.ranges()) == 1
    assert (partial / "pictures.zip").read_bytes() == BODY


def test_error_page_in_the_middle_is_told_by_the_length(loopback, home, partial):
    # The client appends whatever status comes to its retry.
    loopback.play_kaggle([Reply(body=BODY, cut=1_500_000), Reply(503, b"busy"), Reply(503, b"busy")])
    assert "does not have the announced length" in sentence_for(run(partial))


def test_what_cannot_be_played_has_a_sentence_too(tmp_path):
    assert "the host name has no address" in sentence_for({"network": "the host name has no address (DNS)"})
    assert "gave up (KeyError)" in sentence_for({"failed": "KeyError"})
    assert "status 418" in sentence_for({"status": 418, "storage": False})
    assert isinstance(_error({"failed": "disk"}, "kaggle:a/b", "", tmp_path), OSError)


# The process that watches it, with a clock that the test moves


class Client:
    """The client's process: at each look a second goes by, and ``steps`` say how much larger its file is then."""

    def __init__(self, file: Path, steps: list[int], monkeypatch, *, free: int = 10**12):
        self.returncode, self.now = None, 0.0
        self._file, self._steps = file, iter(steps)
        monkeypatch.setattr(download_kaggle, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr("scenes.download.partial.shutil.disk_usage", lambda folder: SimpleNamespace(free=free))

    def kill(self) -> None:
        self._steps = iter(())

    def wait(self, timeout: float | None = None) -> int:
        self.now += 1
        try:
            step = next(self._steps)
        except StopIteration:
            self.returncode = 0
            return 0
        if step:
            with self._file.open("ab") as file:
                file.write(bytes(step))
        raise subprocess.TimeoutExpired("client", timeout)


def test_a_stall_is_counted_from_the_last_byte_on(partial, monkeypatch):
    file = partial / "b.zip"
    _watch(Client(file, [0, 0, 5, 0, 0, 5, 0, 0], monkeypatch), file, "kaggle:a/b", None, 3)
    with pytest.raises(InputError, match=r"kaggle:a/b: nothing arrived for 3 s \(after 15 bytes\)") as caught:
        _watch(Client(file, [5, 0, 0, 0, 0], monkeypatch), file, "kaggle:a/b", None, 3)
    assert "the download resumes" in str(caught.value)


def test_silence_from_the_start_is_a_stall(partial, monkeypatch):
    file = partial / "b.zip"
    with pytest.raises(InputError, match=r"nothing arrived for 2 s \(after 0 bytes\)"):
        _watch(Client(file, [0, 0, 0, 0], monkeypatch), file, "kaggle:a/b", None, 2)


def test_a_file_that_does_not_fit_is_known_from_its_first_bytes(partial, monkeypatch):
    file = partial / "b.zip"
    with pytest.raises(InputError, match="500 bytes free of 995 needed"):
        _watch(Client(file, [5], monkeypatch, free=500), file, "kaggle:a/b", 1000, 60)
    for note, refused in (('{"size": 1000}', True), ('{"size": "large"}', False), ("[]", False), ("{", False)):
        (partial / "b.zip.kaggle-partial").write_text(note)
        client = Client(file, [5], monkeypatch, free=100)
        if refused:
            with pytest.raises(InputError, match="100 bytes free of 990 needed"):
                _watch(client, file, "kaggle:a/b", None, 60)
        else:
            _watch(client, file, "kaggle:a/b", None, 60)


def test_a_disk_that_fills_up_is_seen_from_outside(partial, monkeypatch):
    file = partial / "b.zip"
    with pytest.raises(OSError, match="No space left on device"):
        _watch(Client(file, [5, 0, 0, 0], monkeypatch, free=100), file, "kaggle:a/b", None, 60)


@pytest.mark.parametrize(
    ("expected_bytes", "sentence"),
    [(None, "more than 9 bytes and does not say how many"), (8, "more than the 8 bytes")],
)
def test_an_endless_file_is_stopped_and_removed(partial, monkeypatch, expected_bytes, sentence):
    file = partial / "b.zip"
    client = Client(file, [5] * 100, monkeypatch, free=10)
    with pytest.raises(InputError, match=sentence):
        _watch(client, file, "kaggle:a/b", expected_bytes, 60)
    assert client.returncode is not None
    assert list(partial.iterdir()) == []


@pytest.fixture
def answered(partial, monkeypatch):
    """A function that fetches with a client that has ended, has said ``answer`` and has left files."""

    def fetch(answer: str, *left: str) -> Path:
        for name in left:
            (partial / name).write_bytes(b"bytes")
        pipes = {"stdin": io.BytesIO(), "stdout": io.BytesIO(answer.encode())}
        client = SimpleNamespace(returncode=7, kill=lambda: None, wait=lambda: 7, **pipes)
        monkeypatch.setattr(download_kaggle.subprocess, "Popen", lambda *command, **options: client)
        return download_kaggle.fetch_dataset("a/b", None, partial)

    return fetch


def test_a_file_is_there_only_if_the_client_says_so(answered, partial):
    assert answered("{}", "b.zip") == partial / "b.zip"
    (partial / "b.zip").unlink()
    with pytest.raises(InputError, match="it left no file"):
        answered("{}")
    with pytest.raises(InputError, match="its process ended with status 7"):
        answered("", "b.zip")


def test_a_file_with_an_error_page_in_it_is_thrown_away(answered, partial):
    """The client's note beside it would vouch for it in the next run."""
    with pytest.raises(InputError, match="does not have the announced length"):
        answered('{"failed": "length"}', "b.zip", "b.zip.kaggle-partial")
    assert list(partial.iterdir()) == []


# Both, as they run


def arguments() -> list[str]:
    return ["-c", FETCH]


def fetch(loopback, tmp_path, **environment):
    """Run the download in a process of its own."""
    (tmp_path / "home").mkdir()
    env = loopback.environment(tmp_path / "home", VERBOSE="1", **environment)  # prints headers and bodies
    return run_python(*arguments(), cwd=tmp_path, env=env)


@pytest.mark.process
def test_a_download_tells_nothing_but_where_the_file_is(loopback, tmp_path, partial):
    loopback.play_kaggle(Reply(body=BODY))
    result = fetch(loopback, tmp_path, KAGGLE_API_TOKEN=TOKEN)
    assert (result.returncode, result.stdout, result.stderr) == (0, "partial/pictures.zip\n", "")
    assert (partial / "pictures.zip").read_bytes() == BODY


@pytest.mark.process
def test_a_client_that_prints_its_help_is_not_heard(loopback, tmp_path, partial):
    result = fetch(loopback, tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: kaggle:someone/pictures: no Kaggle credentials found")
    assert result.stderr.count("\n") == 1
    assert list(partial.iterdir()) == []


@pytest.mark.process
def test_stall_ends_and_the_next_run_continues_or_starts_anew(loopback, home, partial, monkeypatch):
    monkeypatch.setenv("VERBOSE", "1")  # by which the client would write nothing before it has read everything

    def fetch() -> None:
        download_kaggle.fetch_dataset("someone/pictures", None, partial, stall_seconds=3)

    loopback.play_kaggle(Reply(body=BODY, stall=2_500_000))
    with pytest.raises(InputError) as caught:
        fetch()
    kept = (partial / "pictures.zip").stat().st_size
    assert f"nothing arrived for 3 s (after {kept} bytes)" in str(caught.value)
    assert 0 < kept <= 2_500_000
    shutil.copytree(partial, home / "as it was")

    loopback.play_kaggle(Reply(body=BODY))
    fetch()
    assert loopback.ranges() == [f"bytes={kept}-"]
    assert (partial / "pictures.zip").read_bytes() == BODY

    shutil.rmtree(partial)
    (home / "as it was").rename(partial)
    loopback.play_kaggle(Reply(body=BODY[::-1], etag='"two"'))  # a new version of the dataset
    fetch()
    assert (partial / "pictures.zip").read_bytes() == BODY[::-1]


@pytest.mark.process
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
