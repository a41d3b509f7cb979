"""A server that lies, never ends or hardly sends: refused in one sentence, or gone on with rightly."""

import itertools
import random
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from scenes.common.errors import InputError
from scenes.download.http import CHUNK_BYTES, STALL_SECONDS, TRIES, fetch
from scenes.download.partial import UNANNOUNCED_BYTES, UNANNOUNCED_SHARE
from tests.code_facts import ROOT
from tests.helpers.loopback import SIGNATURE, Reply

BODY = random.Random(1).randbytes(1_000_000)
SIZE = len(BODY)
CUT = 400_000
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"


def part_of(start: int, end: int, **changes) -> Reply:
    """Return the answer that holds these bytes of the body, with ``changes`` to what it says of them."""
    headers = {"Content-Range": f"bytes {start}-{end - 1}/{SIZE}", **changes.pop("headers", {})}
    return Reply(206, BODY[start:end], headers, **changes)


@pytest.fixture
def begun(get, refusal, loopback, tmp_path):
    """A download that has been cut, and how much of it there is."""
    assert "broke before the end" in refusal(Reply(body=BODY, cut=CUT), tries=1)
    loopback.requests.clear()
    return (tmp_path / "file.bin.part").stat().st_size


@pytest.fixture
def small_limit(monkeypatch):
    monkeypatch.setattr("scenes.download.partial.UNANNOUNCED_BYTES", 2 * SIZE)


def test_the_docs_say_the_limits():
    page = (ROOT / "docs/own-images.md").read_text(encoding="utf-8")
    assert f"{UNANNOUNCED_BYTES // 10**9} GB or, if less, {UNANNOUNCED_SHARE * 100:.0f} % of the free disk" in page
    assert (CHUNK_BYTES, STALL_SECONDS, TRIES) == (64 << 10, 60, 4)
    assert "fewer than 64 KiB arrive in each of four minutes in a row" in page


# Bodies


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [({}, "sends more than 2000000 bytes and does not say how many"), ({"expected_bytes": SIZE}, "the 1000000 bytes")],
    ids=["no size known", "archive_bytes"],
)
def test_endless_body_stops_and_is_removed(refusal, small_limit, tmp_path, chunked, options, sentence):
    assert sentence in refusal(Reply(body=BODY, endless=True, announce=False, chunked=chunked), **options)
    assert list(tmp_path.iterdir()) == []


def test_endless_body_stops_before_the_disk_is_full(refusal, monkeypatch, tmp_path):
    monkeypatch.setattr("scenes.download.partial.shutil.disk_usage", lambda folder: SimpleNamespace(free=SIZE))
    assert "sends more than 900000 bytes" in refusal(Reply(body=BODY, endless=True, announce=False))
    assert list(tmp_path.iterdir()) == []


def test_body_that_is_longer_than_announced_ends_there(get):
    assert get(Reply(body=BODY, endless=True)).read_bytes() == BODY


@pytest.mark.parametrize("etag", ['"one"', None])
def test_body_that_is_shorter_than_announced_is_kept_only_if_it_can_be_continued(refusal, tmp_path, etag):
    lie = Reply(body=BODY, headers={"Content-Length": str(SIZE + 1), "Connection": "close"}, cut=SIZE, etag=etag)
    assert "broke before the end" in refusal(lie)
    assert len(list(tmp_path.iterdir())) == (2 if etag else 0)


@pytest.mark.parametrize("length", ["9" * 5000, "-5", "many", "1e9"])
def test_length_that_is_no_number_is_as_none(get, length):
    assert get(Reply(body=BODY, headers={"Content-Length": length}, announce=False)).read_bytes() == BODY


def test_length_that_no_disk_holds_is_named_as_the_servers_claim(refusal):
    huge = Reply(body=BODY, headers={"Content-Length": "9" * 17}, announce=False)
    assert f"the server announces {'9' * 17} bytes, but " in refusal(huge)


def test_compressed_body(refusal, tmp_path):
    assert "with the encoding 'gzip'" in refusal(Reply(body=BODY, headers={"Content-Encoding": "gzip"}))
    assert len(refusal(Reply(body=BODY, headers={"Content-Encoding": "x" * 20_000}))) < 300
    assert list(tmp_path.iterdir()) == []


# Parts


def test_parts_that_are_shorter_than_asked_for_are_joined_without_a_pause(get, loopback, begun, monkeypatch):
    monkeypatch.setattr("scenes.download.http.time.sleep", lambda seconds: pytest.fail("it waited"))
    path = get(part_of(begun, 600_000), part_of(600_000, 800_000), part_of(800_000, SIZE))
    assert path.read_bytes() == BODY
    assert loopback.ranges("/file") == [f"bytes={start}-" for start in (begun, 600_000, 800_000)]


def test_tiny_parts_are_too_slow(refusal, begun):
    sentence = refusal(*(part_of(begun + number, begun + number + 1) for number in range(9)))
    assert "the body is cut short at" in sentence


@pytest.mark.parametrize(
    "wrong",
    [
        lambda begun: part_of(7, SIZE),
        lambda begun: part_of(begun, SIZE, etag='"two"'),
        lambda begun: part_of(begun, SIZE, etag='W/"one"'),
        lambda begun: part_of(begun, SIZE, headers={"Content-Range": f"bytes {begun}-{SIZE - 1}/*"}),
        lambda begun: part_of(begun, SIZE, headers={"Content-Range": f"bytes {begun}-{SIZE}/{SIZE}"}),
        lambda begun: part_of(begun, SIZE, headers={"Content-Range": f"bytes {begun}-{begun - 1}/{SIZE}"}),
        lambda begun: part_of(begun, SIZE, headers={"Content-Range": f"bytes {begun}-{'9' * 5000}/{'9' * 5000}"}),
        lambda begun: part_of(begun, SIZE, headers={"Content-Range": ""}),
        lambda begun: Reply(416, b"<html>", {"Content-Type": "text/html"}),
    ],
    ids=[
        "other range",
        "other ETag",
        "weak ETag",
        "no total",
        "past the end",
        "backwards",
        "huge",
        "no range",
        "416",
    ],
)
def test_wrong_part_starts_anew(get, begun, wrong):
    reply = wrong(begun)
    reply.body = bytes(len(reply.body))
    assert get(reply, Reply(body=BODY)).read_bytes() == BODY


def test_part_that_is_longer_than_it_says(refusal, begun, tmp_path):
    lie = part_of(begun, SIZE, headers={"Content-Range": f"bytes {begun}-{SIZE - 2}/{SIZE}"}, announce=False)
    assert f"sends more than the {SIZE - 1} bytes announced" in refusal(lie)
    assert list(tmp_path.iterdir()) == []


def test_part_without_being_asked_for_one(refusal, tmp_path):
    assert "another part or version than requested" in refusal(part_of(0, 500))
    assert list(tmp_path.iterdir()) == []


def test_416_for_a_file_that_is_complete(get, loopback, begun, tmp_path):
    """A process was killed between the last byte and the renaming."""
    with (tmp_path / "file.bin.part").open("ab") as file:
        file.write(BODY[begun:])
    assert get(Reply(416, headers={"Content-Range": f"bytes */{SIZE}"})).read_bytes() == BODY
    assert len(loopback.asked("/file")) == 1


@pytest.mark.parametrize("status", [403, 404, 416, 503])
def test_refusal_of_the_rest_keeps_what_can_be_continued(get, refusal, loopback, begun, status):
    """A 416 with a page of a proxy's: the part itself is refused, and the file begins anew."""
    refusal(Reply(status))
    assert get(Reply(body=BODY)).read_bytes() == BODY
    assert len(loopback.ranges("/file")) == {416: 1, 503: 4}.get(status, 2)


def test_web_page_of_a_login_keeps_what_can_be_continued(get, refusal, loopback, begun):
    page = Reply(body=b"<html>", headers={"Content-Type": "text/html"}, etag=None)
    assert "a web page instead of a file" in refusal(page)
    assert get(Reply(body=BODY)).read_bytes() == BODY
    assert len(loopback.ranges("/file")) == 2


def test_part_of_another_address_is_not_continued(get, loopback, begun, tmp_path):
    loopback.replies["/other"] = Reply(body=BODY[::-1])  # with the same ETag
    fetch(f"{loopback.url}/other", tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == BODY[::-1]


@pytest.mark.parametrize(
    "headers",
    [{"ETag": 'W/"weak"', "Last-Modified": DATE}, {"Last-Modified": DATE, "Date": DATE}, {"Last-Modified": "soon"}],
    ids=["weak ETag with a date", "young date", "no date"],
)
def test_mark_that_proves_nothing_is_not_used(get, refusal, loopback, tmp_path, headers):
    refusal(Reply(body=BODY, cut=CUT, etag=None, headers=headers), tries=1)
    assert list(tmp_path.iterdir()) == []
    assert get(Reply(body=BODY)).read_bytes() == BODY
    assert loopback.ranges("/file") == []


# Redirects


@pytest.mark.parametrize(
    "location",
    [
        "http://files.example/file",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://[",
        "//:80",
        "gopher://127.0.0.1/",
    ],
)
def test_redirect_to_what_is_no_https_address(loopback, tmp_path, monkeypatch, location):
    """The server is asked over https, and the address is not visited."""
    monkeypatch.setenv("https_proxy", loopback.url)
    monkeypatch.setenv("http_proxy", loopback.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(loopback.ca))
    loopback.replies["/file"] = Reply(302, headers={"Location": f"{location}?sig={SIGNATURE}"})
    with pytest.raises(InputError, match="something that is not an https address") as caught:
        fetch("https://files.example/file", tmp_path / "file.bin")
    assert SIGNATURE not in str(caught.value)
    assert [request.path for request in loopback.requests] == ["/file"]


def test_redirect_with_an_endless_body_is_followed(get, loopback):
    loopback.replies["/elsewhere"] = Reply(body=BODY)
    redirect = Reply(302, BODY, {"Location": "/elsewhere"}, endless=True, announce=False)
    assert get(redirect).read_bytes() == BODY


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("", "status 302"),
        ("garbage", "no such file (404)"),
        ("\x80\xff", "not an https address"),
        ("http://127.0.0.1:99999/", "redirects to something that is not an address"),
        (f"https://{'x' * 300}/", "redirects to something that is not an address"),
    ],
)
def test_redirect_to_garbage(refusal, location, sentence):
    assert sentence in refusal(Reply(302, headers={"Location": location}))


# Trickles


@pytest.mark.parametrize("chunked", [False, True])
def test_trickle_is_a_stall(refusal, chunked):
    began = time.monotonic()
    trickle = Reply(body=BODY, piece=1, pause=0.02, chunked=chunked)
    assert "next to nothing arrived for too long" in refusal(trickle, stall_seconds=0.2, tries=2)
    assert time.monotonic() - began < 5


@pytest.fixture
def serve():
    """A function that returns the address of a server that answers whoever connects with ``pieces`` and no more."""
    ending = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer(pieces) -> None:
            while not ending.is_set():
                try:
                    with listener.accept()[0] as connection:
                        connection.recv(1 << 16)
                        for piece in pieces():
                            connection.sendall(piece)
                            if ending.wait(0.02):
                                return
                except OSError:  # the client went away
                    continue

        def start(pieces) -> str:
            thread.append(threading.Thread(target=answer, args=(pieces,), daemon=True))
            thread[0].start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}/file"

        thread: list[threading.Thread] = []
        yield start
        ending.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread[0].join()


@pytest.mark.parametrize(
    ("pieces", "sentence"),
    [
        (lambda: (b"%c" % byte for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 99), "next to nothing arrived"),
        (lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"), "next to nothing arrived"),
        (lambda: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"0"] * 99], "next to nothing arrived"),
        (lambda: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"], "broke before the end"),
        (lambda: [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"], "broke before the end"),
        (lambda: [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"], "broke before the end"),
        (lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"], "two lengths, or another"),
        (lambda: [b"SSH-2.0-OpenSSH_9.6\r\n"], "broke before the end"),
        (lambda: [], "broke before the end"),
    ],
    ids=[
        "trickled headers",
        "endless 100 Continue",
        "trickled chunk size",
        "wrong chunk size",
        "many headers",
        "long header",
        "two lengths",
        "not HTTP",
        "nothing",
    ],
)
def test_answer_that_is_none(serve, tmp_path, pieces, sentence):
    waits = {"connect_seconds": 0.1, "stall_seconds": 0.2, "tries": 2, "pause_seconds": 0.01}
    with pytest.raises(InputError, match=sentence):
        fetch(serve(pieces), tmp_path / "file.bin", **waits)
    assert list(tmp_path.iterdir()) == []


def test_ca_bundle_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(InputError, match="no CA certificate where REQUESTS_CA_BUNDLE"):
        fetch("https://localhost:1/file", tmp_path / "file.bin")
