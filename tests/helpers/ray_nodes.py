"""A Ray cluster on this machine, of nodes started as people start them, and ended by their process ids."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.helpers.servers import free_port

COMMAND = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus=1"]
QUICK = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # A node that is gone is noticed after a second instead of half a minute.
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "300",
    "RAY_health_check_failure_threshold": "3",
}


class Nodes:
    """The nodes of a cluster.

    Attributes:
        environment: variables with which a driver connects to it.
    """

    def __init__(self, folder):
        self._folder, self._started = folder, []
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        address = f"127.0.0.1:{free_port()}"
        self.environment = token | QUICK | {"RAY_ADDRESS": address}
        port = address.rpartition(":")[2]
        self._start("--head", f"--port={port}", f"--temp-dir={folder}", "--include-dashboard=false")

    def add(self):
        return self._start(f"--address={self.environment['RAY_ADDRESS']}")

    def _start(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        environment |= {name: value for name, value in self.environment.items() if name != "RAY_ADDRESS"}
        log = (self._folder.parent / f"{self._folder.name}-{len(self._started)}.log").open("w+")
        process = subprocess.Popen(
            [*COMMAND, "--node-ip-address=127.0.0.1", *arguments], env=environment, stdout=log, stderr=log
        )
        self._started.append(psutil.Process(process.pid))
        while "Ray runtime started" not in Path(log.name).read_text():
            assert process.poll() is None, Path(log.name).read_text()
            time.sleep(0.05)
        return self._started[-1]

    def end(self):
        for node in reversed(self._started):
            kill(node)


def kill(node):
    """End all processes of a node at once, as if its machine had lost its power."""
    try:
        processes = [*node.children(recursive=True), node]
    except psutil.NoSuchProcess:
        return
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=10)


@contextmanager
def cluster():
    """Yield the nodes of a new cluster that has one, with one CPU."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets are in it
    nodes = None
    try:
        nodes = Nodes(folder / "ray")
        yield nodes
    finally:
        if nodes:
            nodes.end()
        shutil.rmtree(folder, ignore_errors=True)
