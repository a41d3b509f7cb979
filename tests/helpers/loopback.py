"""A server on this machine that plays Kaggle, its storage and any web server, for real clients to talk to.

Nothing is patched. A client whose ``https_proxy`` names this server sends it ``CONNECT api.kaggle.com:443``; it
answers with a certificate of its own for that name, which the client trusts because ``REQUESTS_CA_BUNDLE`` names the
CA made here. As the real one does, DownloadDataset redirects to a signed address on another host.
"""

import datetime
import io
import json
import os
import random
import re
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "KGAT_TokenThatMustNotBeShown"
SIGNATURE = "SignatureThatMustNotBeShown"
STORAGE = "storage.googleapis.com"
SIGNED = f"https://{STORAGE}/kaggle-data-sets/1/archive.zip?X-Goog-Signature={SIGNATURE}"
INTROSPECT = "/v1/security.OAuthService/IntrospectToken"
DOWNLOAD = "/v1/datasets.DatasetApiService/DownloadDataset"
STORED = "/kaggle-data-sets/1/archive.zip"


@dataclass
class Reply:
    """What the server answers. Sizes are bytes of the body, counted from the start of the file also in a range.

    Attributes:
        headers: sent instead of those that would be right.
        announce: whether Content-Length is sent; if not, the end of the connection is the end of the body.
        cut: the connection is closed after this many bytes.
        stall: nothing more is sent after this many bytes, but the connection stays open.
        piece: bytes sent at a time, with ``pause`` seconds between two.
        chunked: each piece is a chunk of HTTP's, instead of the whole body with its length.
        endless: the body starts again at its end.
        etag: None sends neither a version nor Accept-Ranges, and ranges are ignored.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    announce: bool = True
    cut: int | None = None
    stall: int | None = None
    piece: int = 1 << 16
    pause: float = 0.0
    chunked: bool = False
    endless: bool = False
    etag: str | None = '"one"'


@dataclass
class Request:
    """What the server was asked."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: bytes


def as_json(status: int, **content) -> Reply:
    return Reply(status, json.dumps(content).encode(), {"Content-Type": "application/json"}, etag=None)


def web_page() -> Reply:
    return Reply(200, b"<!DOCTYPE html><html><body>Please sign in</body></html>", {"Content-Type": "text/html"})


def make_zip(member_bytes: int = 1000, members: int = 6) -> bytes:
    """Return a sound zip of incompressible members, the same at every call."""
    noise = random.Random(0)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(members):
            archive.writestr(zipfile.ZipInfo(f"train/sea/{number}.jpg"), noise.randbytes(member_bytes))
    return buffer.getvalue()


class Loopback:
    """The server. ``replies`` maps a path to a Reply, or to a list of them of which the last one stays.

    Attributes:
        url: ``http://127.0.0.1:<port>``, for plain requests and as a proxy.
        ca: path of the CA certificate that signed the server's own.
        requests: all requests seen but CONNECT, in order.
        refuse_connect: answer CONNECT by closing the connection.
    """

    def __init__(self, folder: Path):
        self.ca, self.tls = _certificates(folder)
        self.replies: dict[str, Reply | list[Reply]] = {}
        self.requests: list[Request] = []
        self.refuse_connect = False
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"loopback": self}))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.play_kaggle()

    def play_kaggle(self, stored: Reply | list[Reply] | None = None) -> None:
        """Know every token, and send the client to a storage that gives ``stored``."""
        self.requests.clear()
        self.refuse_connect = False
        self.replies = {
            INTROSPECT: as_json(200, active=True, username="tester"),
            DOWNLOAD: Reply(302, headers={"Location": SIGNED}, etag=None),
            STORED: stored or Reply(404),
        }

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path.partition("?")[0] == path]

    def ranges(self, path: str = STORED) -> list[str]:
        return [request.headers["Range"] for request in self.asked(path) if "Range" in request.headers]

    def reply_to(self, path: str) -> Reply:
        reply = self.replies.get(path.partition("?")[0], Reply(404, b"no such path", etag=None))
        if isinstance(reply, list):
            return reply.pop(0) if len(reply) > 1 else reply[0]
        return reply

    def environment(self, home: Path, **extra: str) -> dict[str, str]:
        """Return all of the environment for a client of this server; nothing of the machine's own but PATH."""
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "https_proxy": self.url,
            "REQUESTS_CA_BUNDLE": str(self.ca),
            **extra,
        }

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    loopback: Loopback
    protocol_version = "HTTP/1.1"
    host = ""

    def log_message(self, *args) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client went away: killed, or satisfied with less
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            pass
        finally:
            self.connection.close()  # the TLS socket, where there is one

    def do_CONNECT(self) -> None:
        if self.loopback.refuse_connect:
            self.close_connection = True
            return
        self.host = self.path.partition(":")[0]
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = self.loopback.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        host = self.host or self.headers.get("Host", "")
        self.loopback.requests.append(Request(self.command, host, self.path, dict(self.headers), body))
        self._send(self.loopback.reply_to(self.path))

    do_POST = do_GET

    def _send(self, reply: Reply) -> None:
        start, status = self._range(reply)
        self.send_response(status)
        headers = {"Content-Type": "application/zip"}
        if reply.etag:
            headers |= {"ETag": reply.etag, "Accept-Ranges": "bytes"}
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{len(reply.body) - 1}/{len(reply.body)}"
        if reply.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif reply.announce:
            headers["Content-Length"] = str(len(reply.body) - start)
        if reply.endless or not reply.announce or reply.cut is not None:
            headers["Connection"] = "close"
            self.close_connection = True
        headers |= reply.headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._send_body(reply, start)

    def _range(self, reply: Reply) -> tuple[int, int]:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not asked or reply.status != 200 or not reply.etag:
            return 0, reply.status
        if self.headers.get("If-Range", reply.etag) != reply.etag:
            return 0, 200
        start = int(asked[1])
        return (start, 206) if start < len(reply.body) else (len(reply.body), 416)

    def _send_body(self, reply: Reply, start: int) -> None:
        end = len(reply.body) if reply.cut is None else reply.cut
        stall = len(reply.body) if reply.stall is None else reply.stall
        while start < min(end, stall):
            piece = reply.body[start : min(start + reply.piece, end, stall)]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.chunked else piece)
            start = 0 if reply.endless and start + len(piece) == len(reply.body) else start + len(piece)
            if reply.pause and self.loopback.closing.wait(reply.pause):
                return
        if reply.chunked:
            self.wfile.write(b"0\r\n\r\n")
        if reply.stall is not None:
            self.loopback.closing.wait(30)
            self.close_connection = True


def _certificates(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a CA and, signed by it, a certificate for the hosts played here; both live for an hour."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("loopback CA", authority_key, "loopback CA", authority_key, [])
    names = ["api.kaggle.com", "www.kaggle.com", STORAGE, "files.example", "localhost"]
    server = _certificate("loopback", key, "loopback CA", authority_key, names)
    ca, chain = folder / "ca.pem", folder / "server.pem"
    ca.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + server.public_bytes(serialization.Encoding.PEM))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain)
    return ca, tls


def _certificate(name: str, key, issuer: str, issuer_key, hosts: list[str]) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.fixture(scope="session")
def session_loopback(tmp_path_factory):
    server = Loopback(tmp_path_factory.mktemp("loopback"))
    yield server
    server.close()


@pytest.fixture
def loopback(session_loopback):
    """One server for the whole session, playing Kaggle afresh for each test."""
    session_loopback.play_kaggle()
    return session_loopback


def play_only(loopback: Loopback, home: Path, monkeypatch: pytest.MonkeyPatch, **extra: str) -> None:
    """Let clients in this process know that server alone: no proxy, CA, token or home of this machine's own."""
    own = ("proxy", "ca_bundle", "verbose", "verbose_output", "xdg_config_home")
    for name in list(os.environ):
        if name.lower().endswith(own) or name.startswith("KAGGLE_"):
            monkeypatch.delenv(name)
    for name, value in loopback.environment(home, **extra).items():
        monkeypatch.setenv(name, value)


def run_python(*arguments: str, cwd: Path, env: dict[str, str], timeout: float = 30) -> subprocess.CompletedProcess:
    """Run this Python with exactly this environment and return what it said; it is killed after ``timeout`` seconds."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout
    )


def wait_until(condition, seconds: float = 15) -> None:
    """Return when ``condition()`` holds; fail the test if it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
