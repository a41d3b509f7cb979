"""Errors that the user can act on: one sentence, exit status 1, no traceback."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(Exception):
    """An input is wrong. The message is one sentence: what is wrong, where, and what to do."""


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Turn an :class:`InputError`, a full disk or an interrupt into one line on stderr and an exit status.

    Any other exception is a bug in this project and keeps its traceback.

    Raises:
        SystemExit: status 1 for an InputError or a full disk, 130 for Ctrl-C.
    """
    try:
        yield
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(
            f"error: the disk is full ({error.filename or 'while writing'}); free some space and run again",
            file=sys.stderr,
        )
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
