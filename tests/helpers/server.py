"""The app as `make app` starts it, in a folder with results."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from scenes.commands import verify
from tests.helpers.servers import free_port


@contextmanager
def running(folder: Path, log: Path):
    """Yield where the app in ``folder`` answers, its ``address`` and its ``pid``, and end it."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=verify.environment(), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait(process, f"http://localhost:{port}/_stcore/health", log)
            yield SimpleNamespace(address=f"http://localhost:{port}", pid=process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen, address: str, log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise TimeoutError(log.read_text())
