"""The sources of an archive: what the parameter ``source`` may hold."""

import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from scenes.common.errors import InputError

FORMS = (
    "kaggle:<owner>/<dataset>[/versions/<n>], file:<path to a folder, zip or tar>, https://<host>/<path> or synthetic"
)

_SLUG = r"[A-Za-z0-9][A-Za-z0-9_-]*"
_KAGGLE = re.compile(rf"kaggle:({_SLUG}/{_SLUG})(?:/versions/([1-9][0-9]*))?")


@dataclass(frozen=True)
class Source:
    """A parsed source. ``str(source)`` is safe to print, ``place`` is not: a URL's query may hold a signature.

    Attributes:
        kind: ``kaggle``, ``file``, ``web`` or ``synthetic``.
        place: ``<owner>/<dataset>``, a path, a URL or ''.
        version: the version of a Kaggle dataset, from 1; None is the latest.
    """

    kind: str
    place: str = field(default="", repr=False)
    version: int | None = None

    def __str__(self) -> str:
        if self.kind == "kaggle":
            return f"kaggle:{self.place}" + (f"/versions/{self.version}" if self.version else "")
        if self.kind == "web":
            return public_url(self.place)
        return f"file:{self.place}" if self.kind == "file" else self.kind

    @property
    def key(self) -> str:
        """Sixteen hex digits that identify the source without revealing it, for use as a file name."""
        return hashlib.sha256(f"{self.kind} {self.place} {self.version}".encode()).hexdigest()[:16]


def parse_source(text: str, key: str = "source") -> Source:
    """Parse ``text`` as a source.

    Args:
        text: one of ``FORMS``. ``http://`` is accepted for this machine only (localhost, 127.0.0.1, ::1).
        key: the parameter that holds it, for the error message, e.g. ``profiles.demo.source``.

    Raises:
        InputError: ``text`` has none of these forms. The message never repeats a URL's password or query.
    """
    if not isinstance(text, str) or not text.isprintable():
        raise InputError(f"{key}: expected one line of text, one of {FORMS}")
    if text == "synthetic":
        return Source("synthetic")
    if match := _KAGGLE.fullmatch(text):
        return Source("kaggle", match[1], int(match[2]) if match[2] else None)
    if text.startswith("file:") and text.removeprefix("file:").strip():
        return Source("file", text.removeprefix("file:"))
    if text.startswith(("https://", "http://")):
        return Source("web", _checked_url(text, key))
    # An address of an unknown kind may hold a password too, so the message repeats only its scheme.
    shown = text if "@" not in text and "?" not in text else text.partition(":")[0] + ":..."
    raise InputError(f"{key}: {shown!r} is not a source; use {FORMS}")


def public_url(url: str) -> str:
    """Return ``url`` without user, password, query and fragment, which must not be printed."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def is_secure(url: str) -> bool:
    """Return whether nobody on the way can change what ``url`` sends: it is https, or on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts))


def _is_loopback(parts: SplitResult) -> bool:
    try:
        return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _checked_url(url: str, key: str) -> str:
    try:
        parts = urlsplit(url)
        well_formed = bool(parts.hostname) and parts.port != 0 and not re.search(r"[\s\\]", url)
    except ValueError:  # by urlsplit for the brackets of an IPv6 address, by .port for a number out of range
        well_formed = False
    if not well_formed:
        raise InputError(f"{key}: the address is malformed; use https://<host>/<path>")
    if "@" in parts.netloc:
        raise InputError(f"{key}: an address must not contain a user or password; use a public one, or file:<path>")
    if not is_secure(url):
        raise InputError(f"{key}: http:// can be altered in transit; use https://{parts.netloc}{parts.path}")
    return url
