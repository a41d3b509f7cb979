"""Processes that meet, here as threads; tests/training/test_several_devices.py kills a real one."""

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread

import pytest

from scenes.common.errors import InputError
from scenes.process import meeting
from scenes.process.distributed import Processes
from scenes.process.meeting import Meeting
from tests.helpers.servers import free_port

LATE = "no process {} came to ADDRESS; start all at one time"


@pytest.fixture
def ended(monkeypatch):
    """The statuses with which processes would have ended."""
    statuses, watches = [], []

    def watch(target, args, daemon):
        watches.append((Thread(target=target, args=args, daemon=daemon), args[1]))
        return watches[-1][0]

    monkeypatch.setattr(meeting, "Thread", watch)
    monkeypatch.setattr(os, "_exit", statuses.append)
    monkeypatch.setattr(meeting, "GRACE", 0.0)
    monkeypatch.setattr(meeting, "PATIENCE", 10.0)
    monkeypatch.setattr(meeting, "_PAUSE", 0.05)
    yield statuses
    for thread, connection in watches:  # as long as they would not end this process
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()


def meet(numbers, count, before=lambda address: None):
    """Return what each process gets, or the error that it raises, in the order of ``numbers``."""
    address = f"localhost:{free_port()}"

    def one(number):
        try:
            return Meeting(Processes(count, number, address))
        except InputError as error:
            return str(error).replace(address, "ADDRESS")

    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(one, numbers[0])]
        before(address)
        futures += [pool.submit(one, number) for number in numbers[1:]]
        return [future.result() for future in futures]


def wait_for(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def connect(address, hello):
    """Connect as soon as somebody listens."""
    host, port = address.split(":")
    while True:
        try:
            connection = socket.create_connection((host, int(port)))
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            connection.sendall(hello)
            return connection


@pytest.mark.parametrize("numbers", [(0, 1, 2), (2, 1, 0)])
def test_all_meet_and_leave_one_after_the_other(ended, numbers, capsys):
    met = meet(numbers, 3)
    for each in met:
        each.leave()
        for connection in each._others.values():
            connection.shutdown(socket.SHUT_WR)
    time.sleep(0.1)
    assert ended == []
    printed = capsys.readouterr().out
    assert "waiting for 2 of 3 processes at localhost:" in printed
    assert "process 1: waiting for process 0 at localhost:" in printed


def test_one_that_ends_ends_the_others(ended, capsys):
    _, second = meet((0, 1), 2)
    for connection in second._others.values():
        connection.shutdown(socket.SHUT_WR)
    wait_for(lambda: 1 in ended)
    assert "error: process 1 has ended; see its output, and start all again" in capsys.readouterr().err


def test_of_two_with_one_number_the_second_is_refused(ended, monkeypatch):
    monkeypatch.setattr(meeting, "PATIENCE", 1.0)
    first = []
    met = meet((0, 1), 3, before=lambda address: first.append(connect(address, b"1 of 3\n")))
    assert met[1] == "there is another process 1; give each a number of its own"
    assert met[0] == LATE.format(2)
    assert first[0].recv(100).startswith(b"refused: no process 2 came")


def test_one_that_ended_while_it_waited_can_come_again(ended):
    met = meet((0, 1, 2), 3, before=lambda address: connect(address, b"1 of 3\n").close())
    assert [type(each) for each in met] == [Meeting] * 3


@pytest.mark.parametrize("hello", [b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfe\n", b"7 of 2\n", b"", b"x" * 5000])
def test_a_stranger_changes_nothing(ended, hello):
    met = meet((0, 1), 2, before=lambda address: connect(address, hello).shutdown(socket.SHUT_WR))
    assert [type(each) for each in met] == [Meeting] * 2


def test_another_count_is_refused(ended, monkeypatch):
    monkeypatch.setattr(meeting, "PATIENCE", 0.5)
    answers = []
    said = meet((0,), 2, before=lambda address: answers.append(connect(address, b"1 of 3\n").recv(100)))
    assert answers == [b"refused: process 1 is one of 3, and process 0 one of 2\n"]
    assert said == [LATE.format(1)]


def test_nobody_waits_for_ever(ended, monkeypatch):
    monkeypatch.setattr(meeting, "PATIENCE", 0.5)
    assert meet((0, 1), 3) == [LATE.format(2)] * 2
    (said,) = meet((1,), 2)
    assert said.startswith(
        "process 0 did not come to ADDRESS (Connection refused); if `dvc repro` finds the model up to date there"
    )


def test_a_port_in_use_is_named(ended):
    said = r"process 0 cannot listen at h:\d+ .*; choose another port"
    with socket.create_server(("", 0)) as server, pytest.raises(InputError, match=said):
        Meeting(Processes(2, 0, f"h:{server.getsockname()[1]}"))
