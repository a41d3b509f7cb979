"""Errors that the user can act on: one sentence, exit status 1, no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scenes.common.system_failures import describe


class InputError(Exception):
    """An input is wrong, or the system failed. The message is one sentence: what is wrong, where, and what to do."""


@contextmanager
def explained(*written: str | Path) -> Iterator[None]:
    """Turn failures of the system into an :class:`InputError`; other exceptions pass.

    Args:
        written: paths that are being written in the block, because many errors do not name the file.

    Raises:
        InputError: see :func:`scenes.common.system_failures.describe`.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if sentence := describe(error, *written):
            raise InputError(sentence) from error
        raise


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Turn an :class:`InputError`, a failure of the system or an interrupt into one line on stderr and an exit status.

    Any other exception is a bug in this project and keeps its traceback.

    Raises:
        SystemExit: status 1 for an InputError or a failure of the system, 130 for Ctrl-C.
    """
    try:
        with explained():
            yield
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
