"""Errors as a person sees them."""

import errno
import subprocess
import sys

import pytest

from scenes.common.errors import InputError, exit_on_input_error
from tests.code_facts import ROOT


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


@pytest.mark.parametrize("stage", ["download", "audit", "split"])
def test_light_stages_start_without_heavy_libraries(stage):
    heavy = ("tensorflow", "keras", "sklearn", "matplotlib", "kaggle", "dvc")
    code = f"import stages.{stage}, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
