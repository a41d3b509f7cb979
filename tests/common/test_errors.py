"""Errors as a person sees them."""

import errno

import pytest

from scenes.common.errors import InputError, exit_on_input_error


def test_an_input_error_is_one_line_and_status_1(capsys):
    with pytest.raises(SystemExit) as caught, exit_on_input_error():
        raise InputError("the archive is not a zip; check the source")
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: the archive is not a zip; check the source\n"


def test_a_full_disk_is_one_line(capsys):
    with pytest.raises(SystemExit) as caught, exit_on_input_error():
        raise OSError(errno.ENOSPC, "No space left on device", "data/x")
    assert caught.value.code == 1
    assert "the disk is full (data/x)" in capsys.readouterr().err


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), exit_on_input_error():
        _ = 1 / 0
    with pytest.raises(PermissionError), exit_on_input_error():
        raise PermissionError(errno.EACCES, "Permission denied")


def test_ctrl_c_ends_with_130():
    with pytest.raises(SystemExit) as caught, exit_on_input_error():
        raise KeyboardInterrupt
    assert caught.value.code == 130
