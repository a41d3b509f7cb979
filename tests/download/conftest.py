"""Fetching over HTTP from a server on this machine, right or wrong."""

import os
from pathlib import Path

import pytest

from scenes.common.errors import InputError
from scenes.download.http import fetch
from tests.helpers.loopback import SIGNATURE, Reply


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def get(loopback, tmp_path):
    """Serve ``replies`` at /file, fetch it without long pauses, and return the path of the result."""

    def get_replies(*replies: Reply, **options) -> Path:
        loopback.replies["/file"] = list(replies)
        path = tmp_path / "file.bin"
        waits = {"stall_seconds": 10, "tries": 3, "pause_seconds": 0.01}
        fetch(f"{loopback.url}/file?sig={SIGNATURE}", path, **(waits | options))
        assert sorted(tmp_path.iterdir()) == [path], "nothing else is left behind"
        return path

    return get_replies


@pytest.fixture
def refusal(get, capsys):
    """A function that returns the sentence of a fetch that fails, having checked that the query is shown nowhere."""

    def refuse(*replies: Reply, **options) -> str:
        with pytest.raises(InputError) as caught:
            get(*replies, **options)
        printed = capsys.readouterr()
        for text in (str(caught.value), printed.out, printed.err):
            assert SIGNATURE not in text
            assert "Traceback" not in text
        assert "127.0.0.1" in str(caught.value)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refuse
