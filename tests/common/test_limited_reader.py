"""A parser gets its budget and no more, and the file is otherwise what it was."""

import io

import pytest

from scenes.common.limited_reader import BudgetExceeded, LimitedReader


def test_what_is_read_is_taken_off():
    file = LimitedReader(io.BytesIO(b"0123456789"), 6, len)
    assert (file.read(4), file.left) == (b"0123", 2)
    with pytest.raises(BudgetExceeded):
        file.read(3)
    with pytest.raises(BudgetExceeded):  # also by who has caught it
        file.read(1)


def test_a_ration_may_be_set_anew_and_the_rest_is_the_files_own():
    file = LimitedReader(io.BytesIO(b"0123456789"), 5, len)
    assert file.read(5) == b"01234"
    file.left = 20
    assert file.seek(1) == 1
    assert file.tell() == 1
    assert file.read() == b"123456789"
    assert file.getvalue() == b"0123456789"
    with pytest.raises(AttributeError):
        _ = file.nonsense
