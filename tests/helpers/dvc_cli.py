"""DVC's command line and what it says, in this process: that spares the second that it takes to start."""

import io
import logging
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import fsspec
from dvc.cli import main
from dvc.logger import LoggerHandler

from tests.helpers.command import in_folder

LOGGERS = ("dvc", "dvc_objects", "dvc_data")


def run(folder: Path, *commands: str, environment: Mapping[str, str] | None = None) -> SimpleNamespace:
    """Run commands up to the first that fails; return the ``status`` of the last one and the ``text`` of all.

    Args:
        folder: where to run them.
        commands: without ``dvc``, as a shell reads them.
        environment: all variables; None: those there are.
    """
    text, status = io.StringIO(), 0
    # With DVC_TEST it prints to where stdout is now, starts no daemon and counts no use.
    variables = {**(os.environ if environment is None else environment), "DVC_TEST": "true"}
    with in_folder(folder, variables), _said_to(text):
        for command in commands:
            fsspec.AbstractFileSystem.clear_instance_cache()  # a process of its own would remember nothing
            words = shlex.split(command)
            with patch.object(sys, "argv", ["dvc", *words]):  # DVC looks there for -v and -q, which are pytest's too
                status = main(words)
            if status:
                break
    return SimpleNamespace(status=status, text=text.getvalue())


def succeed(folder: Path, *commands: str, environment: Mapping[str, str] | None = None) -> str:
    """Run commands as :func:`run` does, hold that they succeed, and return what they say."""
    done = run(folder, *commands, environment=environment)
    assert done.status == 0, done.text
    return done.text


@contextmanager
def _said_to(text: io.StringIO) -> Iterator[None]:
    """Send to ``text`` what is printed and logged: DVC's log goes to where stdout and stderr were when it started."""
    handlers = {handler for name in LOGGERS for handler in logging.getLogger(name).handlers}
    before = {handler: handler.stream for handler in handlers if isinstance(handler, LoggerHandler)}
    for handler in before:
        handler.setStream(text)
    try:
        with redirect_stdout(text), redirect_stderr(text):
            yield
    finally:
        for handler, stream in before.items():
            handler.setStream(stream)
