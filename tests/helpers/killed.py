"""Commands that are killed: each in a session of its own, so that what outlives it can be found."""

import contextlib
import os
import re
import subprocess
import time
from pathlib import Path

import psutil

from scenes.commands import verify


class Run:
    """A command whose output can be waited for and whose processes can be killed.

    Attributes:
        process: the command itself, which leads its session and its process group.
        log: the file that its output is added to; by default beside its folder.
    """

    def __init__(self, folder: Path, *command: str, log: Path | None = None):
        self.log = log or folder.with_suffix(".log")
        with self.log.open("a") as file:
            self._start = file.tell()
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=verify.environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        """Return the output so far."""
        return self.log.read_bytes()[self._start :].decode(errors="replace")

    def wait_for(self, pattern: str) -> None:
        """Wait for a line of the output."""
        self.wait_until(lambda: re.search(pattern, self.text()))

    def wait_until(self, condition, seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.text()[-3000:]
            assert time.monotonic() < deadline, self.text()[-3000:]
            time.sleep(0.02)

    def alive(self) -> list[psutil.Process]:
        """Return the processes of the session that still run, also those whose parent has ended."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def stage(self) -> psutil.Process | None:
        """Return the process that runs a stage, or None if there is none now."""
        for process in self.alive():
            with contextlib.suppress(psutil.Error):
                # The first words: a shell has the whole command in its third, and a worker other arguments.
                if re.match(r"\S*python\S* -m (stages|scenes)\.", " ".join(process.cmdline()[:3])):
                    return process
        return None

    def end(self, expected: int, seconds: float = 300) -> None:
        """Hold that the command ends with the status ``expected``."""
        try:
            assert self.process.wait(seconds) == expected, self.text()[-3000:]
        finally:
            self.process.kill()

    def stop(self) -> None:
        """Kill all that is left of it."""
        for process in self.alive():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.process.wait()
