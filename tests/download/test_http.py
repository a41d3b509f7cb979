"""Downloads over HTTP from a server on this machine: resumed, retried, checked, and one sentence when they fail."""

import hashlib
import random
import socket
import time

import pytest
import requests
import urllib3

from scenes.common.errors import InputError
from scenes.download.http import fetch
from scenes.download.network import describe_error, retry_after_seconds
from tests.helpers.loopback import SIGNATURE, Reply, web_page

BODY = random.Random(1).randbytes(1_000_000)
QUERY = f"?sig={SIGNATURE}"


def test_body_is_the_servers(get, capsys):
    path = get(Reply(body=BODY), expected_bytes=len(BODY), expected_sha256=hashlib.sha256(BODY).hexdigest().upper())
    assert path.read_bytes() == BODY
    assert capsys.readouterr().err == "", "no bar where stderr is no terminal"


def test_md5(get, refusal):
    assert get(Reply(body=BODY), expected_md5=hashlib.md5(BODY).hexdigest()).read_bytes() == BODY
    assert "its md5 is" in refusal(Reply(body=BODY), expected_md5="0" * 32)


def test_body_without_a_length(get):
    assert get(Reply(body=BODY, announce=False)).read_bytes() == BODY


def test_broken_connection_is_continued(get, loopback):
    path = get(Reply(body=BODY, cut=300_000), Reply(body=BODY, cut=600_000), Reply(body=BODY))
    assert path.read_bytes() == BODY
    assert len(loopback.ranges("/file")) == 2


def test_next_call_continues(get, loopback, tmp_path, refusal):
    assert "broke before the end" in refusal(Reply(body=BODY, cut=400_000), tries=1)
    kept = (tmp_path / "file.bin.part").stat().st_size
    assert 0 < kept <= 400_000
    assert get(Reply(body=BODY)).read_bytes() == BODY
    assert loopback.ranges("/file") == [f"bytes={kept}-"]
    assert loopback.asked("/file")[-1].headers["If-Range"] == '"one"'


def test_changed_file_starts_anew(get, loopback, refusal):
    refusal(Reply(body=BODY[::-1], cut=400_000), tries=1)
    assert get(Reply(body=BODY, etag='"two"')).read_bytes() == BODY
    assert len(loopback.ranges("/file")) == 1


def test_file_that_became_shorter_starts_anew(get, refusal):
    refusal(Reply(body=BODY, cut=400_000), tries=1)
    assert get(Reply(416), Reply(body=BODY[:1000], etag='"two"')).read_bytes() == BODY[:1000]


@pytest.mark.parametrize("version", [{"etag": None}, {"etag": None, "headers": {"ETag": 'W/"weak"'}}])
def test_without_a_version_nothing_is_continued(get, loopback, refusal, version):
    refusal(Reply(body=BODY, cut=400_000, **version), tries=1)
    assert get(Reply(body=BODY, **version)).read_bytes() == BODY
    assert loopback.ranges("/file") == []


def test_date_serves_as_version(get, loopback, refusal):
    date = {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    refusal(Reply(body=BODY, cut=400_000, etag=None, headers=date), tries=1)
    assert get(Reply(body=BODY, etag=date["Last-Modified"], headers=date)).read_bytes() == BODY
    assert len(loopback.ranges("/file")) == 1


def test_same_cut_again_and_again_ends(loopback, refusal):
    sentence = refusal(Reply(body=BODY, cut=400_000, etag=None))
    assert "the connection broke before the end (after" in sentence
    assert len(loopback.asked("/file")) == 3


def test_stall_ends_and_is_continued(get, loopback, refusal):
    began = time.monotonic()
    assert "nothing or next to nothing arrived for too long" in refusal(
        Reply(body=BODY, stall=400_000), tries=1, stall_seconds=0.5
    )
    assert time.monotonic() - began < 5
    assert get(Reply(body=BODY)).read_bytes() == BODY
    assert len(loopback.ranges("/file")) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_passing_status_is_tried_again(get, status):
    assert get(Reply(status), Reply(status), Reply(body=BODY)).read_bytes() == BODY


@pytest.mark.parametrize(
    ("status", "sentence", "asked"),
    [
        (401, "asks for a login (401)", 1),
        (403, "refuses access (403)", 1),
        (404, "no such file (404)", 1),
        (410, "is gone (410)", 1),
        (418, "answers with status 418", 1),
        (429, "allows no more requests for now (429)", 3),
        (503, "internal error (503)", 3),
    ],
)
def test_lasting_status(loopback, refusal, status, sentence, asked):
    assert sentence in refusal(Reply(status))
    assert len(loopback.asked("/file")) == asked


def test_retry_after_is_honoured_up_to_a_minute(get, loopback, refusal, monkeypatch):
    waits = []
    monkeypatch.setattr("scenes.download.http.time.sleep", waits.append)
    get(Reply(429, headers={"Retry-After": "59"}), Reply(body=BODY))
    assert waits == [59]
    loopback.requests.clear()
    assert "asks to wait 3600 s" in refusal(Reply(429, headers={"Retry-After": "3600"}))
    assert len(loopback.asked("/file")) == 1
    for long in ("inf", "9" * 300):
        assert refusal(Reply(429, headers={"Retry-After": long})).endswith("(it asks to wait more than a day)")


def test_retry_after_forms():
    assert retry_after_seconds("7") == 7
    assert retry_after_seconds(None) == retry_after_seconds("soon") == retry_after_seconds("-3") == 0
    assert retry_after_seconds("Mon, 01 Jan 2001 00:00:00 GMT") == 0
    assert retry_after_seconds("Fri, 01 Jan 2100 00:00:00 GMT") > 1e9


def test_web_page(tmp_path, refusal):
    assert "a web page instead of a file" in refusal(web_page())
    assert list(tmp_path.iterdir()) == []


def test_wrong_size_is_known_before_the_body(tmp_path, refusal):
    sentence = refusal(Reply(body=BODY, stall=1000), expected_bytes=5)
    assert "has 1000000 bytes instead of the expected 5" in sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("expected", [{"expected_sha256": "0" * 64}, {"expected_bytes": 5}])
def test_unexpected_content_is_not_kept(tmp_path, refusal, expected):
    refusal(Reply(body=BODY, announce=False), **expected)
    assert list(tmp_path.iterdir()) == []


def test_redirect_is_followed(get, loopback):
    loopback.replies["/elsewhere"] = Reply(body=BODY)
    assert get(Reply(302, headers={"Location": "/elsewhere"})).read_bytes() == BODY


def test_redirect_without_end(refusal):
    assert "redirects endlessly" in refusal(Reply(302, headers={"Location": "/file"}))


def test_refused_connection(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        with pytest.raises(InputError, match="the connection was refused"):
            fetch(url, tmp_path / "file.bin")


def test_unknown_host(tmp_path, monkeypatch):
    def no_address(*arguments, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    with pytest.raises(InputError, match=r"https://nowhere.invalid/file: the host name has no address \(DNS\)"):
        fetch(f"https://nowhere.invalid/file{QUERY}", tmp_path / "file.bin")


def test_host_that_does_not_accept(tmp_path):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(8)]  # they fill the queue of connections, which nobody empties
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        options = {"connect_seconds": 0.2, "stall_seconds": 0.2, "tries": 2, "pause_seconds": 0.01}
        with pytest.raises(
            InputError, match=r"did not accept a connection in time|next to nothing arrived for too long"
        ):
            fetch(f"http://127.0.0.1:{full.getsockname()[1]}/file", tmp_path / "file.bin", **options)
        for each in waiting:
            each.close()


def test_certificate_that_is_not_trusted(loopback, tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", loopback.url)
    with pytest.raises(InputError, match="the TLS certificate is not trusted"):
        fetch("https://files.example/file", tmp_path / "file.bin")


def test_proxy_that_is_not_there(tmp_path, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("https_proxy", f"http://user:{SIGNATURE}@127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(
            InputError, match=r"the proxy \(https_proxy\) cannot be reached or refuses the connection"
        ) as caught:
            fetch("https://files.example/file", tmp_path / "file.bin")
    assert SIGNATURE not in str(caught.value)


def test_https_through_a_proxy(loopback, tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", loopback.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(loopback.ca))
    loopback.replies["/file"] = Reply(body=BODY)
    fetch("https://files.example/file", tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == BODY


def test_body_too_large_for_the_disk(get, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("scenes.download.partial.shutil.disk_usage", lambda folder: type("Usage", (), {"free": 10}))
    with pytest.raises(InputError, match=r"announces 1000000 bytes, but .* has 10 bytes free of 1000000 needed"):
        get(Reply(body=BODY))


def test_unknown_errors_show_their_class_only():
    assert describe_error(requests.exceptions.InvalidHeader(SIGNATURE)) == ("the request failed (InvalidHeader)", False)
    assert describe_error(urllib3.exceptions.HTTPError(SIGNATURE)) == ("the request failed (HTTPError)", False)
