"""What libraries in C write to stderr past Python."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced() -> Iterator[None]:
    """Drop meanwhile what goes to file descriptor 2, from any part of this process: not for one with other threads.

    libtiff says there what is wrong with an image ("Fax4Decode: Bad code word at line 3"), which is reported as well,
    and Pillow offers no way to have it said elsewhere.
    """
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
