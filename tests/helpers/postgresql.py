"""A PostgreSQL server on loopback, with a user who has a password."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from tests.helpers import needed
from tests.helpers.servers import PASSWORD, free_port


@contextmanager
def running():
    """Yield an ``address`` without a password, one with (``secret``), and the server's ``process``.

    It refuses to run as root, so root starts it as the user that Debian's package creates, in a folder of that user.
    """
    programs = needed.postgresql()
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    (folder / "password").write_text(PASSWORD)
    user = {}
    if os.getuid() == 0:
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")
    data, port = folder / "data", free_port()
    create = [programs / "initdb", "-D", data, "-U", "ann", "-A", "scram-sha-256", "--no-sync"]
    start = [programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-c", "fsync=off"]
    try:
        subprocess.run(
            [*create, f"--pwfile={folder}/password"], check=True, cwd=folder, stdout=subprocess.DEVNULL, **user
        )
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(start, cwd=folder, stdout=log, stderr=log, **user)
        try:
            _wait(server, programs / "pg_isready", port, folder / "log")
            address = "postgresql+psycopg://ann{}@127.0.0.1:" + f"{port}/postgres"
            yield SimpleNamespace(address=address.format(""), secret=address.format(f":{PASSWORD}"), process=server)
        finally:
            server.send_signal(signal.SIGINT)  # ends the connections, too
            server.wait(20)
    finally:
        shutil.rmtree(folder)


def _wait(server: subprocess.Popen, is_ready: Path, port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while subprocess.run([is_ready, "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode:
        assert server.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
