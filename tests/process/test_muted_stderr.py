"""What C writes to stderr is let go for as long as asked, and not a line longer."""

import os
from pathlib import Path

import pytest

from scenes.process.runtime import muted_stderr


def test_it_is_dropped_meanwhile_and_comes_again(capfd):
    descriptors = len(list(Path("/dev/fd").iterdir()))
    os.write(2, b"before\n")
    with muted_stderr():
        os.write(2, b"meanwhile\n")
    os.write(2, b"after\n")
    with pytest.raises(ValueError, match="mine"), muted_stderr():
        os.write(2, b"meanwhile\n")
        raise ValueError("mine")
    os.write(2, b"at the end\n")
    assert capfd.readouterr().err == "before\nafter\nat the end\n"
    assert len(list(Path("/dev/fd").iterdir())) == descriptors
