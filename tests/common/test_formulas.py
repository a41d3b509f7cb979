"""Names in CSV files: inert in a spreadsheet and in a script, and read back as they were."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common import formulas, strict_csv
from scenes.common.tables import read_csv, write_csv

FIRST = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
TEXTS = st.text() | st.text("=+-@\uff1d' ;\t\r\n,\"a") | st.text("<'/!=")


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet that splits cells at semicolons and tabs takes a part of ``cell`` for a formula."""
    parts = (cell[at:] for at in range(len(cell)) if at == 0 or cell[at - 1] in ";\t")
    return any(part.lstrip(" ").startswith(FIRST) for part in parts)


def is_active(cell: str) -> bool:
    """Whether ``cell`` is a formula, or may end the script that it is in."""
    return is_formula(cell) or "</" in cell or "<!" in cell


@given(TEXTS)
def test_no_text_is_active_and_all_is_undone(text):
    assert not is_active(formulas.inert(text))
    assert formulas.original(formulas.inert(text)) == text


@given(TEXTS)
def test_what_is_not_active_is_unchanged(text):
    assert (formulas.inert(text) != text) == is_active(text.replace("'", ""))


@pytest.mark.parametrize("text", ["cat/1.jpg", "a-b", "it's", "'quoted'", "1", "a, -b", "<b>", "", " ", "a;b"])
def test_ordinary_names_are_unchanged(text):
    assert formulas.inert(text) == formulas.original(text) == text


NAMES = TEXTS.filter(lambda text: "\r" not in text and "\x00" not in text)  # which pandas reads as an end of line


@settings(max_examples=30)
@given(st.lists(st.tuples(NAMES, NAMES, st.integers(-9, 9)), max_size=4), NAMES)
def test_a_table_is_inert_in_its_file_and_read_back(tmp_path_factory, rows, name):
    file = tmp_path_factory.getbasetemp() / "formulas.csv"
    table = pd.DataFrame(rows, columns=["key", f"class {name}", "count"]).astype({"key": str, f"class {name}": str})
    write_csv(file, table)
    with file.open(encoding="utf-8", newline="") as stream:
        header, *written = csv.reader(stream)
    cells = [*header, *(cell for row in written for cell in row[:2])]
    assert not any(map(is_active, cells))
    pd.testing.assert_frame_equal(read_csv(file, integers=["count"]), table, check_dtype=False)
    assert [row[2] for row in written] == [str(count) for _, _, count in rows]


def test_numbers_are_no_names():
    stream = io.StringIO()
    write_csv(stream, pd.DataFrame({"class": ["-1", "=1+1"], "score": [-0.5, 1.0], "unsure": [None, True]}))
    assert stream.getvalue() == "class,score,unsure\n'-1,-0.500000,\n'=1+1,1.000000,True\n"


def test_what_people_write_may_have_the_apostrophe_or_not(tmp_path):
    for text in ("path,-1\n=a,1\n", "path,'-1\n'=a,1\n"):
        (tmp_path / "t.csv").write_text(text)
        assert strict_csv.read(tmp_path / "t.csv", ["path"], ["-1"]).to_dict("records") == [{"path": "=a", "-1": "1"}]
