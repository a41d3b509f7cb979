"""Downloads one file over HTTP: resumed, retried and checked, complete or absent."""

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import requests
import urllib3
from tqdm import tqdm

from scenes.common.checksum import check_file, check_size
from scenes.common.errors import InputError
from scenes.common.words import show
from scenes.download.network import deadline, describe_error, retry_after_seconds
from scenes.download.partial import check_limit, check_room, unannounced_limit
from scenes.download.source import is_secure, public_url

CONNECT_SECONDS = 15  # to establish a connection
CHUNK_BYTES = 1 << 16  # the most that is lost when a connection breaks
STALL_SECONDS = 60  # for the answer to begin, and for each CHUNK_BYTES of it: at least 1.1 kB/s
TRIES = 4  # in a row without CHUNK_BYTES more
PAUSE_SECONDS = 1.0  # before the second try; doubled before each further one
LONGEST_WAIT_SECONDS = 60  # the longest Retry-After that is obeyed
DAY_SECONDS = 24 * 60 * 60  # the longest that a message repeats
STRONG_DATE_AGE = timedelta(seconds=60)  # of Last-Modified: a file may change twice in a second, and clocks differ

BY_HAND = "save the file with a browser and give its path as file:<path>"
_STATUS = {
    401: f"the server asks for a login (401); {BY_HAND}",
    403: f"the server refuses access (403); {BY_HAND}",
    404: "there is no such file (404); check the address",
    410: "the file is gone (410); check the address",
}
_LENGTH = re.compile("[0-9]{1,18}")
_RANGE = re.compile("bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


class _TemporaryFailure(Exception):
    """A failure that another try may overcome. Its message can become an InputError's."""

    wait_seconds = 0.0
    is_part = False  # of what was asked for, sent as such: the rest needs no wait


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
    the server can prove that the file has not changed; what cannot be continued is removed, as is a body that is longer
    than expected or announced. A progress bar appears when stderr is a terminal. For the main thread only.

    Args:
        url: an https address, or http for this machine only.
        path: the target, in an existing folder.
        expected_bytes: size in bytes; None is not checked, nor are hashes of None.
        expected_sha256: hex digits.
        expected_md5: hex digits.
        connect_seconds: time allowed to establish the connection.
        stall_seconds: time allowed for the answer to begin, and for each ``CHUNK_BYTES`` of the body.
        tries: attempts in a row without ``CHUNK_BYTES`` more before giving up.
        pause_seconds: wait before the second attempt; doubled before each further one.

    Raises:
        InputError: the server, the network or the file is at fault. The message names ``url`` without its query.
        OSError: the disk is full.
    """
    part = _Part(Path(path), public_url(url))
    try:
        _complete(url, part, expected_bytes, (connect_seconds, stall_seconds), tries, pause_seconds)
        with part.discarded_if_refused():
            check_file(
                part.body,
                part.what,
                expected_bytes=expected_bytes,
                expected_sha256=expected_sha256,
                expected_md5=expected_md5,
            )
    except BaseException:
        if part.version is None or not part.size:  # nothing to continue
            part.discard()
        raise
    part.body.replace(path)
    part.discard()


class _Part:
    """An unfinished file, and the server's mark of the version it belongs to."""

    def __init__(self, path: Path, what: str) -> None:
        self.body = path.with_name(f"{path.name}.part")
        self.note = path.with_name(f"{path.name}.part.json")
        self.what = what

    @property
    def size(self) -> int:
        return self.body.stat().st_size if self.body.exists() else 0

    @property
    def version(self) -> str | None:
        """The mark, or None if the part cannot be continued. Servers may mark different files alike."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            note = json.loads(self.note.read_text(encoding="utf-8"))
            return note["version"] if note["from"] == self.what else None
        return None

    def discard(self) -> None:
        self.body.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    @contextmanager
    def discarded_if_refused(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            self.discard()
            raise

    def begin(self, version: str | None) -> None:
        """Start over. The old body is removed before the new mark is written, so that they never exist together."""
        self.discard()
        if version is not None:
            self.note.write_text(json.dumps({"version": version, "from": self.what}), encoding="utf-8")


def _complete(
    url: str, part: _Part, expected_bytes: int | None, timeout: tuple[float, float], tries: int, pause_seconds: float
) -> None:
    """Make requests until ``part`` is complete or ``tries`` in a row have brought too little."""
    failures, furthest = 0, part.size
    while True:
        try:
            return _receive(url, part, expected_bytes, timeout)
        except _TemporaryFailure as failure:
            progress = part.size >= furthest + CHUNK_BYTES
            failures, furthest = (1, part.size) if progress else (failures + 1, furthest)
            if failures >= tries:
                raise InputError(str(failure)) from None
            if failure.is_part and progress:
                continue
            wait = max(failure.wait_seconds, pause_seconds * 2 ** (failures - 1))
            print(f"{failure} (trying again in {wait:.0f} s)", file=sys.stderr)
            time.sleep(wait)


def _receive(url: str, part: _Part, expected_bytes: int | None, timeout: tuple[float, float]) -> None:
    """Make one request for the missing bytes and append them to ``part``."""
    headers = {"Accept-Encoding": "identity"}  # the bytes as stored, which lengths and ranges then refer to
    if part.size and part.version:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": part.version}
    try:
        with deadline(sum(timeout)):
            hooks = {"response": partial(_check_redirect, part.what)}
            response = requests.get(url, headers=headers, stream=True, timeout=timeout, hooks=hooks)
        with response:
            if _is_complete(response, part):
                return
            _check_answer(response, part)
            _write_body(response, part, expected_bytes, timeout[1])
    except requests.exceptions.InvalidHeader:
        raise InputError(
            f"{part.what}: the server sends two lengths, or another header that is wrong; {BY_HAND}"
        ) from None
    except (requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError):  # `url` itself has been checked
        raise InputError(f"{part.what}: it redirects to something that is not an address; {BY_HAND}") from None
    # requests' own exceptions are OSErrors without a number; a host name that is none gives a ValueError.
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        cause, temporary = describe_error(error)
        message = f"{part.what}: {cause} (after {part.size} bytes); check the network and run again"
        raise (_TemporaryFailure if temporary else InputError)(message) from None


def _check_redirect(what: str, response: requests.Response, **options: object) -> None:
    """Refuse a redirect before it is followed: a hook of requests."""
    if not response.is_redirect:
        return
    response.close()  # requests would read the body into memory, however long it is
    try:
        secure = is_secure(urljoin(response.url, response.headers["Location"].encode("latin-1").decode()))
    except ValueError:  # neither UTF-8 nor an address
        secure = False
    if not secure:
        raise InputError(f"{what}: it redirects to something that is not an https address; {BY_HAND}")


def _is_complete(response: requests.Response, part: _Part) -> bool:
    """Return whether nothing was missing: a process that had the whole file was killed before it renamed it."""
    complete = response.headers.get("Content-Range") == f"bytes */{part.size}"
    return response.status_code == 416 and _asked_for_part(response) and complete


def _asked_for_part(response: requests.Response) -> bool:
    return "Range" in response.request.headers


def _check_answer(response: requests.Response, part: _Part) -> None:
    what, status = part.what, response.status_code
    if status == 416 and _asked_for_part(response):  # the file is now shorter than the part
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
            wait = f"{failure.wait_seconds:.0f} s" if failure.wait_seconds <= DAY_SECONDS else "more than a day"
            raise InputError(f"{failure} (it asks to wait {wait})")
        raise failure
    if status not in (200, 206):
        raise InputError(f"{what}: {_STATUS.get(status, f'the server answers with status {status}; {BY_HAND}')}")
    if response.headers.get("Content-Type", "").lower().startswith(("text/html", "application/xhtml")):
        raise InputError(f"{what}: the server sends a web page instead of a file; {BY_HAND}")
    if (coding := response.headers.get("Content-Encoding", "identity")).lower() != "identity":
        raise InputError(
            f"{what}: the server sends the file with the encoding {show(coding, 40)}, not as it is; {BY_HAND}"
        )


def _announced(response: requests.Response, part: _Part) -> tuple[int | None, int | None]:
    """Return where in the file the body ends and where the file ends, in bytes; None: the server does not say.

    A 200 starts the part over. Anything else must continue it, though a server may send less than was asked for
    (RFC 9110, section 15.3.7).
    """
    if response.status_code == 200:
        part.begin(_version(response))
        length = response.headers.get("Content-Length", "")
        end = int(length) if _LENGTH.fullmatch(length) else None
        return end, end
    match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    version = part.version
    tag = "ETag" if (version or "").startswith('"') else "Last-Modified"
    if match and version and response.headers.get(tag, version) == version:
        start, last, total = map(int, match.groups())
        if start == part.size <= last < total:
            return last + 1, total
    part.discard()
    raise _TemporaryFailure(f"{part.what}: the server sent another part or version than requested; run again")


def _write_body(response: requests.Response, part: _Part, expected_bytes: int | None, seconds: float) -> None:
    """Append the body to ``part``, each piece of it within ``seconds``."""
    end, total = _announced(response, part)
    with part.discarded_if_refused():
        if total is not None:
            check_size(total, part.what, expected_bytes)
    size = expected_bytes if total is None else total
    if size is not None:
        announced = "" if total is None else f"{part.what}: the server announces {total} bytes, but "
        check_room(part.body.parent, size - part.size, announced)
    limit = size if end is None else end
    most = unannounced_limit(part.body.parent) if limit is None else limit
    bar = tqdm(
        desc=part.body.stem, total=total, initial=part.size, unit="B", unit_scale=True, disable=None
    )  # disable=None: on a terminal only
    try:
        with bar, part.discarded_if_refused(), part.body.open("ab") as file:
            while piece := _next_piece(response, seconds):
                file.write(piece)
                bar.update(len(piece))
                check_limit(file.tell(), part.what, most, announced=limit is not None)
    except TimeoutError:  # also an OSError, but not one of the disk
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(part.body)) from None  # write() does not name the file
    if total is not None and part.size != total:
        failure = _TemporaryFailure(f"{part.what}: the body is cut short at {part.size} of {total} bytes; run again")
        failure.is_part = response.status_code == 206
        raise failure


def _next_piece(response: requests.Response, seconds: float) -> bytes:
    with deadline(seconds):
        return response.raw.read(CHUNK_BYTES, decode_content=False)


def _version(response: requests.Response) -> str | None:
    """Return a mark for If-Range, or None: a strong ETag, or the date where there is no ETag (RFC 9110, 13.1.5).

    Equal weak ETags do not mean equal bytes, nor does a date at which the file may still have changed.
    """
    if tag := response.headers.get("ETag"):
        return tag if tag.startswith('"') else None
    modified = response.headers.get("Last-Modified", "")
    with suppress(ValueError, TypeError):
        age = parsedate_to_datetime(response.headers.get("Date", "")) - parsedate_to_datetime(modified)
        return modified if age >= STRONG_DATE_AGE else None
    return None
