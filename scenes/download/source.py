"""The sources of the archives: what the parameter ``source`` may hold."""

import hashlib
import ipaddress
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from scenes.common.archives import as_list
from scenes.common.errors import InputError

FORMS = (
    "kaggle:<owner>/<dataset>[/versions/<n>], file:<path to a folder, zip or tar>, https://<host>/<path>, "
    "env:<environment variable with such an address> or synthetic"
)

_SLUG = r"[A-Za-z0-9][A-Za-z0-9_-]*"
_KAGGLE = re.compile(rf"kaggle:({_SLUG}/{_SLUG})(?:/versions/([1-9][0-9]*))?")
_VARIABLE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
# A scheme, also with one slash too few, or a user and password without a scheme.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/|[^/]+:[^/]*@", re.IGNORECASE)
_PARAMETER = re.compile(r"[?#;&]([^?#;&=]*)=")  # its name, in a path, query or fragment
# Names of parameters that sign an address or open it, as of Akamai, Amazon, Azure, Cloudflare, Discord, Dropbox, Google
# and Zenodo: parts of a name, then whole names.
_SECRET_NAME = re.compile(
    r"signature|(?<![a-z])sig|token|secret|passw|pwd|credential|auth(?!ors?$)|key(?!word)|jwt|hmac|ticket|session|expire"
    r"|^(access|code|hash|hdn(ea|tl|ts)|hm|md5|otp|pass|policy|sas|sid|verify)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Source:
    """A parsed source. ``str(source)`` is safe to print, ``place`` is not: a URL's query may hold a signature.

    Attributes:
        kind: ``kaggle``, ``file``, ``web``, ``env`` or ``synthetic``.
        place: ``<owner>/<dataset>``, a path, a URL, the name of an environment variable or ''.
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
        return f"{self.kind}:{self.place}" if self.place else self.kind

    @property
    def real(self) -> Self:
        """The source; one of the kind ``file`` with its :func:`real_path`."""
        if self.kind != "file":
            return self
        return replace(self, place=str(real_path(self.place)))

    @property
    def key(self) -> str:
        """Sixteen hex digits that identify the source without revealing it, for use as a file name."""
        return hashlib.sha256(f"{self.kind} {self.place} {self.version}".encode()).hexdigest()[:16]

    def url(self) -> str:
        """Return the address of a ``web`` source, or the one in the variable of an ``env`` source.

        Raises:
            InputError: the variable is not set or does not hold a valid address.
        """
        if self.kind == "web":
            return self.place
        what, url = f"the environment variable {self.place}", os.environ.get(self.place, "")
        if not url:
            raise InputError(f"{what} is not set, and source: {self} needs it; `export {self.place}='https://...'`")
        if not url.startswith(("https://", "http://")) or not url.isprintable():
            raise InputError(f"{what} does not hold an address; set it to https://<host>/<path>")
        return _checked_url(url, what)


def real_path(path: str) -> Path:
    """Return the one spelling of a path: absolute, and without ``~``, ``..`` and links. It need not exist."""
    expanded = Path(path)
    with suppress(RuntimeError):  # ~ of a user that there is not
        expanded = expanded.expanduser()
    return Path(os.path.realpath(expanded))


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
    if match := _VARIABLE.fullmatch(text):
        return Source("env", match[1])
    if text.startswith("file:") and (path := text.removeprefix("file:")).strip():
        refuse_address(path, key)
        return Source("file", path)
    if text.startswith(("https://", "http://")):
        url = _checked_url(text, key)
        if _has_secret(url):
            raise InputError(
                f"{key}: the address may hold a signature or key, which git and dvc.lock would keep; "
                "run `export SCENES_URL='https://...'` and use env:SCENES_URL"
            )
        return Source("web", url)
    raise InputError(f"{key}: {beginning(text)!r} is not a source; use {FORMS}")


def parse_sources(value: str | list[str]) -> list[Source]:
    """Parse the parameter ``source``: one source, or a list of them.

    Raises:
        InputError: the list is empty, a source is in it twice, or see :func:`parse_source`.
    """
    sources = [parse_source(text) for text in as_list(value)]
    if not sources:
        raise InputError("source: the list is empty; name one source at least")
    first: dict[Source, int] = {}
    for number, source in enumerate(sources, 1):
        if (other := first.setdefault(source.real, number)) != number:
            raise InputError(
                f"source: entries {other} and {number} of the list are the same, {source}; remove one of them"
            )
    return sources


def is_drawn(value: str | list[str]) -> bool:
    """Return whether all images of the parameter ``source`` are drawn."""
    return as_list(value) == ["synthetic"]


def beginning(text: str) -> str:
    """Return ``text`` for a message; only how it begins if it may be an address with a password or signature."""
    return re.split("[:@?#;&=]", text)[0] + "..." if re.search("[@?#;&=]", text) else text


def refuse_address(path: str, key: str) -> None:
    """Raise an InputError for an address where a path is expected. The message does not repeat it."""
    if _ADDRESS.match(path) or _has_secret(path):
        raise InputError(
            f"{key}: this is an address, not a path; save the file and name its path, or give the address as `source` "
            "of a profile in params.yaml"
        )


def public_url(url: str) -> str:
    """Return ``url`` without user, password, parameters, query and fragment, which must not be printed."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.partition(';')[0]}"


def is_secure(url: str) -> bool:
    """Return whether nobody on the way can change what ``url`` sends: it is https, or on this machine."""
    parts = urlsplit(url)
    return (parts.scheme == "https" and bool(parts.hostname)) or (parts.scheme == "http" and _is_loopback(parts))


def _is_loopback(parts: SplitResult) -> bool:
    try:
        return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _has_secret(url: str) -> bool:
    """Return whether a parameter of ``url``, or of an address within it, has a name that signatures and keys have."""
    while (plain := unquote(url)) != url:
        url = plain
    return any(map(_SECRET_NAME.search, _PARAMETER.findall(url)))


def _checked_url(url: str, key: str) -> str:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        well_formed = bool(host) and parts.port != 0 and not re.search(r"[\s\\]", url)
    except ValueError:  # by urlsplit for brackets, by .port for a number out of range, by idna for parts of the host
        well_formed = False
    if not well_formed:
        raise InputError(f"{key}: the address is malformed; use https://<host>/<path>")
    if "@" in parts.netloc:
        raise InputError(f"{key}: an address must not contain a user or password; use a public one, or file:<path>")
    if not is_secure(url):
        raise InputError(f"{key}: http:// can be altered in transit; use https{public_url(url).removeprefix('http')}")
    return url
