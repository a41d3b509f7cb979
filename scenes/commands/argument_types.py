"""Paths and numbers on the command line: for argparse's ``type``, so that none is used before it is checked."""

import argparse
import os
from collections.abc import Callable

from scenes.common.errors import InputError
from scenes.download.source import parse_source, refuse_address


def local_path(text: str) -> str:
    """Return ``text``, a path that may not exist or, for ``--model``, a name.

    Raises:
        InputError: nothing has this path, and it is an address, which the message does not repeat because it may hold
            a signature or password, or another ``source`` of params.yaml.
    """
    if os.path.lexists(text):
        return text
    refuse_address(text.removeprefix("file:"), "the path")
    try:
        source = parse_source(text)
    except InputError:  # not a source, so it is a path
        return text
    raise InputError(
        f"the path: {source} is a `source` of a profile in params.yaml, not a path; name a file or folder on this "
        "machine"
    )


def whole_number(least: int) -> Callable[[str], int]:
    """Return a function that returns a text as a number of at least ``least``, which is not negative."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
        return int(text)

    return parse
