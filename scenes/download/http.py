"""Downloads one file over HTTP: resumed, retried and checked, complete or absent."""

import json
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
import urllib3
from tqdm import tqdm

from scenes.common.checksum import check_file, check_size
from scenes.common.errors import InputError
from scenes.download.partial import check_room
from scenes.download.source import is_secure, public_url

CONNECT_SECONDS = 15  # to establish a connection
STALL_SECONDS = 60  # without a single byte
TRIES = 4  # in a row without progress
PAUSE_SECONDS = 1.0  # before the second try; doubled before each further one
LONGEST_WAIT_SECONDS = 60  # the longest Retry-After that is obeyed
CHUNK_BYTES = 1 << 16  # the most that is lost when a connection breaks

BY_HAND = "save the file with a browser and give its path as file:<path>"
_STATUS = {
    401: f"the server asks for a login (401); {BY_HAND}",
    403: f"the server refuses access (403); {BY_HAND}",
    404: "there is no such file (404); check the address",
    410: "the file is gone (410); check the address",
}


class _TemporaryFailure(Exception):
    """A failure that another try may overcome. Its message can become an InputError's."""

    wait_seconds = 0.0


def fetch(
    url: str,
    path: str | Path,
    *,
    expected_bytes: int | None = None,
    expected_sha256: str | None = None,
    expected_md5: str | None = None,
    connect_seconds: float = CONNECT_SECONDS,
    stall_seconds: float = STALL_SECONDS,
    tries: int = TRIES,
    pause_seconds: float = PAUSE_SECONDS,
) -> None:
    """Download ``url`` to ``path``, which is afterwards complete and as expected, or absent.

    An unfinished body stays in ``<path>.part`` and its version in ``<path>.part.json``. The next call continues it if
    the server can prove that the file has not changed; if it cannot be continued, both are removed. A progress bar
    appears when stderr is a terminal.

    Args:
        url: an https address, or http for this machine only.
        path: the target, in an existing folder.
        expected_bytes: size in bytes; None is not checked, nor are hashes of None.
        expected_sha256: hex digits.
        expected_md5: hex digits.
        connect_seconds: time allowed to establish the connection.
        stall_seconds: time allowed between two pieces of the body.
        tries: attempts in a row without a new byte before giving up.
        pause_seconds: wait before the second attempt; doubled before each further one.

    Raises:
        InputError: the server, the network or the file is at fault. The message names ``url`` without its query.
        OSError: the disk is full.
    """
    what = public_url(url)
    part = _Part(Path(path))
    failures, furthest = 0, part.size
    while True:
        try:
            _receive(url, what, part, expected_bytes, (connect_seconds, stall_seconds))
            break
        except _TemporaryFailure as failure:
            failures = 1 if part.size > furthest else failures + 1
            furthest = max(furthest, part.size)
            if failures >= tries:
                raise InputError(str(failure)) from None
            wait = max(failure.wait_seconds, pause_seconds * 2 ** (failures - 1))
            print(f"{failure} (trying again in {wait:.0f} s)", file=sys.stderr)
            time.sleep(wait)
    try:
        check_file(
            part.body, what, expected_bytes=expected_bytes, expected_sha256=expected_sha256, expected_md5=expected_md5
        )
    except InputError:
        part.discard()
        raise
    part.body.replace(path)
    part.discard()


def describe_error(error: Exception) -> tuple[str, bool]:
    """Return what went wrong on the network, without any address, and whether another try may help.

    The messages of requests' exceptions contain the whole URL with its signature, so they are never shown.
    """
    chain = _chain(error)

    def any_of(*types: type) -> bool:
        return any(isinstance(link, types) for link in chain)

    if any_of(requests.exceptions.ProxyError, urllib3.exceptions.ProxyError):
        return "the proxy (https_proxy) cannot be reached or refuses the connection", False
    if any_of(requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        return "the TLS certificate is not trusted; if a proxy signs it, name its CA in REQUESTS_CA_BUNDLE", False
    if any_of(urllib3.exceptions.NameResolutionError):
        return "the host name has no address (DNS)", False
    if any_of(urllib3.exceptions.NewConnectionError):  # before its base class, ConnectTimeoutError
        refused = any_of(ConnectionRefusedError)
        return ("the connection was refused" if refused else "the host cannot be reached"), False
    if any_of(requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError):
        return "the host did not accept a connection in time", True
    if any_of(requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
        return "nothing arrived for too long", True
    if any_of(requests.exceptions.TooManyRedirects):
        return "it redirects endlessly", False
    if any_of(requests.ConnectionError, requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError):
        return "the connection broke before the end", True
    return f"the request failed ({type(error).__name__})", False


def _chain(error: BaseException) -> list[BaseException]:
    """Return ``error`` and all that it wraps: requests wraps urllib3's exceptions, which wrap the system's."""
    chain: list[BaseException] = []
    pending = [error]
    while pending:
        link = pending.pop()
        if link in chain:
            continue
        chain.append(link)
        inner = [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
        pending += [each for each in inner if isinstance(each, BaseException)]
    return chain


class _Part:
    """An unfinished file, and the server's mark of the version it belongs to."""

    def __init__(self, path: Path) -> None:
        self.body = path.with_name(f"{path.name}.part")
        self.note = path.with_name(f"{path.name}.part.json")

    @property
    def size(self) -> int:
        return self.body.stat().st_size if self.body.exists() else 0

    @property
    def version(self) -> str | None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            return json.loads(self.note.read_text(encoding="utf-8"))["version"]
        return None

    def discard(self) -> None:
        self.body.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def begin(self, version: str | None) -> None:
        """Start over. The old body is removed before the new mark is written, so that they never exist together."""
        self.discard()
        if version is not None:
            self.note.write_text(json.dumps({"version": version}), encoding="utf-8")


def _receive(url: str, what: str, part: _Part, expected_bytes: int | None, timeout: tuple[float, float]) -> None:
    """Make one request for the missing bytes and append them to ``part``."""
    headers = {"Accept-Encoding": "identity"}  # the bytes as stored, which lengths and ranges then refer to
    if part.size and part.version:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": part.version}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
            _check_answer(response, what, part)
            _write_body(response, what, part, expected_bytes)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        cause, temporary = describe_error(error)
        message = f"{what}: {cause} (after {part.size} bytes); check the network and run again"
        raise (_TemporaryFailure if temporary else InputError)(message) from None


def _check_answer(response: requests.Response, what: str, part: _Part) -> None:
    if not all(is_secure(hop.url) for hop in [*response.history, response]):
        raise InputError(f"{what}: it redirects to an address that is not https; {BY_HAND}")
    status = response.status_code
    if status == 416:  # the file is now shorter than the part
        part.discard()
        raise _TemporaryFailure(f"{what}: the file changed while it was fetched; run again")
    if status == 429 or status >= 500:
        failure = _TemporaryFailure(
            f"{what}: the server allows no more requests for now (429); wait some minutes and run again"
            if status == 429
            else f"{what}: the server has an internal error ({status}); run again later"
        )
        failure.wait_seconds = retry_after_seconds(response.headers.get("Retry-After"))
        if failure.wait_seconds > LONGEST_WAIT_SECONDS:
            raise InputError(f"{failure} (it asks to wait {failure.wait_seconds:.0f} s)")
        raise failure
    if status not in (200, 206):
        raise InputError(f"{what}: {_STATUS.get(status, f'the server answers with status {status}; {BY_HAND}')}")
    if response.headers.get("Content-Type", "").lower().startswith(("text/html", "application/xhtml")):
        part.discard()
        raise InputError(f"{what}: the server sends a web page instead of a file; {BY_HAND}")


def _write_body(response: requests.Response, what: str, part: _Part, expected_bytes: int | None) -> None:
    if response.status_code == 200:
        part.begin(_version(response))
    elif not response.headers.get("Content-Range", "").startswith(f"bytes {part.size}-"):
        part.discard()
        raise _TemporaryFailure(f"{what}: the server sent another part than requested; run again")
    announced = response.headers.get("Content-Length", "")
    total = part.size + int(announced) if announced.isdecimal() else None
    if total is not None:
        try:
            check_size(total, what, expected_bytes)
        except InputError:
            part.discard()
            raise
        check_room(part.body.parent, total - part.size)
    try:
        with (
            part.body.open("ab") as file,
            tqdm(
                desc=part.body.stem, total=total, initial=part.size, unit="B", unit_scale=True, disable=None
            ) as bar,  # disable=None: on a terminal only
        ):
            for chunk in response.iter_content(CHUNK_BYTES):
                file.write(chunk)
                bar.update(len(chunk))
    except requests.RequestException:  # also an OSError, but not one of the disk
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(part.body)) from None  # write() does not name the file
    if total is not None and part.size != total:  # urllib3 2 raises by itself, urllib3 1 does not
        raise _TemporaryFailure(f"{what}: the body is cut short at {part.size} of {total} bytes; run again")


def _version(response: requests.Response) -> str | None:
    """Return a mark for If-Range: a strong ETag or a date. Equal weak ETags do not mean equal bytes."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def retry_after_seconds(header: str | None) -> float:
    """Return the seconds that a Retry-After header (a number or a date) asks for; 0 if it has no meaning."""
    if not header:
        return 0.0
    with suppress(ValueError):
        return max(0.0, float(header))
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    return 0.0
