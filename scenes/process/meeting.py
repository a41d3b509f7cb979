"""How the processes that train one model meet, and how each of them ends when another one has.

JAX would abort a process that waits in vain or loses another one, with a page about its C++ functions. It does so only
if a machine is frozen or out of reach.
"""

import os
import socket
import sys
import time
from contextlib import suppress
from threading import Thread

from scenes.common.errors import InputError
from scenes.process.distributed import Processes

PATIENCE = 300.0  # seconds, from the start of a process until the others must have come
GRACE = 2.0  # seconds in which a process can say itself why it ends, after another one has ended
_PAUSE = 0.5
_ANSWER = 5.0  # seconds for a line that is on its way
_MET, _REFUSED = "met", "refused: "


class Meeting:
    """Connections of process 0 with each of the others, over the port that JAX uses afterwards."""

    def __init__(self, processes: Processes) -> None:
        """Wait for the others.

        Raises:
            InputError: one of them did not come; another process has the number of this one, or the port.
        """
        self._own, self._deadline = processes, time.monotonic() + PATIENCE
        self._others = {0: self._join()} if processes.number else self._gather()
        for number, connection in self._others.items():
            connection.settimeout(None)
            Thread(target=_watch, args=(number, connection), daemon=True).start()

    def leave(self) -> None:
        """Tell the others that this process has done its work, so that they go on without it."""
        for connection in self._others.values():
            _send(connection, "left")

    def _gather(self) -> dict[int, socket.socket]:
        """Return the connections with all others, in process 0."""
        others: dict[int, socket.socket] = {}
        dual = socket.has_dualstack_ipv6()
        try:
            address, family = ("", self._own.endpoint[1]), socket.AF_INET6 if dual else socket.AF_INET
            server = socket.create_server(address, family=family, dualstack_ipv6=dual)
        except OSError as error:
            raise InputError(f"process 0 cannot listen at {self._own.address} ({error}); choose another port") from None
        print(f"waiting for {self._own.count - 1} of {self._own.count} processes at {self._own.address}", flush=True)
        with server:
            while len(others) < self._own.count - 1:
                server.settimeout(max(self._deadline - time.monotonic(), 0.001))
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    missing = [str(number) for number in range(1, self._own.count) if number not in others]
                    reason = f"no process {', '.join(missing)} came to {self._own.address}; start all at one time"
                    for connection in others.values():
                        _send(connection, f"{_REFUSED}{reason}")
                    raise InputError(reason) from None
                self._admit(connection, others)
                for number in [number for number, other in others.items() if _has_ended(other)]:
                    del others[number]  # its launcher may start it again
        for connection in others.values():
            _send(connection, _MET)
        return others

    def _admit(self, connection: socket.socket, others: dict[int, socket.socket]) -> None:
        """Add a process that has come to ``others``, or tell it why not."""
        number, _, count = _line(connection, _ANSWER).partition(" of ")
        if not (number.isdecimal() and count.isdecimal() and 0 < int(number) < int(count)):
            connection.close()  # no process of a training
        elif int(count) != self._own.count:
            _send(connection, f"{_REFUSED}process {number} is one of {count}, and process 0 one of {self._own.count}")
        elif int(number) in others and not _has_ended(others[int(number)]):
            _send(connection, f"{_REFUSED}there is another process {number}; give each a number of its own")
        else:
            others[int(number)] = connection

    def _join(self) -> socket.socket:
        """Return the connection with process 0, in another process."""
        print(f"process {self._own.number}: waiting for process 0 at {self._own.address}", flush=True)
        last = "no answer"
        while time.monotonic() < self._deadline:
            try:
                connection = socket.create_connection(self._own.endpoint, timeout=_ANSWER)
                _send(connection, f"{self._own.number} of {self._own.count}")
                answer = _line(connection, PATIENCE + 2 * _ANSWER)  # longer than process 0 waits
                if answer == _MET:
                    return connection
                connection.close()
                if answer.startswith(_REFUSED):
                    raise InputError(answer.removeprefix(_REFUSED))
            except OSError as error:
                last = error.strerror or str(error)
            time.sleep(_PAUSE)
        raise InputError(
            f"process 0 did not come to {self._own.address} ({last}); if `dvc repro` finds the model up to date there, "
            "force it with `dvc repro -f -s`"
        )


def _send(connection: socket.socket, line: str) -> None:
    with suppress(OSError):  # the other has ended
        connection.sendall(f"{line}\n".encode())


def _line(connection: socket.socket, seconds: float) -> str:
    """Return the next line; an empty text if none comes."""
    connection.settimeout(seconds)
    try:
        return connection.makefile(encoding="utf-8").readline(1000).strip()
    except (OSError, ValueError):
        return ""


def _has_ended(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _watch(number: int, connection: socket.socket) -> None:
    """End this process when process ``number`` has ended before its work was done."""
    try:
        farewell = connection.recv(1)
    except OSError:
        farewell = b""
    if not farewell:
        time.sleep(GRACE if number else 0)  # JAX ends a process without process 0 at once
        sys.stdout.flush()
        sentence = "see its output, and start all again: the training resumes after its last epoch"
        print(f"error: process {number} has ended; {sentence}", file=sys.stderr, flush=True)
        os._exit(1)
