"""Programs that some tests need and pip does not install: a server, a browser."""

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = ("chromium", "google-chrome")


def find(*names: str) -> str | None:
    """Return the path of the first of ``names`` that is there, or None."""
    debian = map(str, Path("/usr/lib/postgresql").glob("*/bin"))
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *debian))
    return next(filter(None, (shutil.which(name, path=path) for name in names)), None)


def program(*names: str, package: str) -> str:
    """Return the path of the first of ``names`` that is there.

    Where none is, the test is skipped, since a person may do without. In CI it fails: a skip goes unread there.

    Args:
        package: what brings it, on Debian.
    """
    if found := find(*names):
        return found
    reason = f"there is no {' or '.join(names)} here; on Debian: apt-get install {package}"
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (CI is set, so this is no skip)", pytrace=False)
    pytest.skip(reason)


def chromium() -> str:
    return program(*CHROMIUM, package="chromium")


def sshd() -> str:
    return program("sshd", package="openssh-server")


def postgresql() -> Path:
    """Return the folder of the server's programs."""
    return Path(program("initdb", package="postgresql")).resolve().parent
