"""Errors as a person sees them."""

import errno

import pytest

from scenes.common.errors import InputError, exit_on_input_error


def test_an_input_error_is_one_line_and_status_1(capsys):
    with pytest.raises(SystemExit) as caught, exit_on_input_error():
        raise InputError("the archive is not a zip; check the source")
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: the archive is not a zip; check the source\n"


def test_a_failure_of_the_system_is_one_line(capsys):
    with pytest.raises(SystemExit) as caught, exit_on_input_error():
        raise OSError(errno.ENOSPC, "No space left on device", "data/x")
    assert caught.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_ctrl_c_ends_with_130():
    with pytest.raises(SystemExit) as caught, exit_on_input_error():
        raise KeyboardInterrupt
    assert caught.value.code == 130
