"""The app's server as it is configured: which hosts and sizes it accepts, as docs/serving.md says."""

import tomllib
import urllib.error
import urllib.request

import pytest

from app import uploads, visitors
from tests.code_facts import ROOT
from tests.helpers import server

SERVER = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["server"]


def test_the_page_about_serving_says_the_limits():
    said = (ROOT / "docs/serving.md").read_text()
    limits = f"{SERVER['maxUploadSize']} MB a file, {uploads.VISITOR_MB} MB a visitor and {uploads.ALL_MB:,} MB of all"
    assert limits in said
    assert f"and {visitors.KEPT} seconds after the visitor has closed the page" in said
    assert all(f"`{host}`" in said for host in SERVER["allowedHosts"])


def test_a_visitor_is_forgotten_while_streamlit_still_knows_it():
    assert SERVER["disconnectedSessionTTL"] > visitors.KEPT + 2 * visitors._PAUSE


def status(address: str, host: str, *, path: str = "", **headers: str) -> int:
    request = urllib.request.Request(f"{address}/{path}", headers={"Host": host, **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.process
def test_other_hosts_are_refused(tmp_path):
    (tmp_path / ".streamlit").symlink_to(ROOT / ".streamlit")
    (tmp_path / "app").symlink_to(ROOT / "app")
    (tmp_path / "scenes").symlink_to(ROOT / "scenes")
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    with server.running(tmp_path, tmp_path / "log") as app:
        port = app.address.rpartition(":")[2]
        for host in ("localhost", f"localhost:{port}", "127.0.0.1", "LOCALHOST"):
            assert status(app.address, host) == 200
        for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "127.0.0.1@evil.example", "x y"):
            for path, headers in (("", {}), ("_stcore/health", {}), ("_stcore/stream", upgrade)):
                assert status(app.address, host, path=path, **headers) in (400, 403)
