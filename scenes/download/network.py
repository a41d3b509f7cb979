"""What goes wrong on the network, in words, and a limit on the time that a call may take."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import FrameType

import requests
import urllib3


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise a TimeoutError in the block if it takes longer than ``seconds``. For the main thread only.

    A socket's timeout starts anew with each byte, so a server that sends one from time to time never meets it.
    """

    def expire(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    handler = signal.signal(signal.SIGALRM, expire)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


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
    if any_of(requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        return "nothing or next to nothing arrived for too long", True
    if any_of(requests.exceptions.TooManyRedirects):
        return "it redirects endlessly", False
    if any_of(requests.ConnectionError, requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError):
        return "the connection broke before the end", True
    if type(error) is OSError:
        return "there is no CA certificate where REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE says", False
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


def retry_after_seconds(header: str | None) -> float:
    """Return the seconds that a Retry-After header (a number or a date) asks for; 0 if it has no meaning."""
    if not header:
        return 0.0
    with suppress(ValueError):
        return max(0.0, float(header))
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    return 0.0
