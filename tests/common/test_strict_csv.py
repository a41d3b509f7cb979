"""CSV files that people write: what is read, and what is refused with which line."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.common import strict_csv
from scenes.common.errors import InputError


def read(folder, text: str | bytes):
    file = folder / "t.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return strict_csv.read(file, ["path", "note"], ["lake", "moor"])


def test_blank_lines_and_a_spreadsheet_s_mark_and_line_ends_do_not_count(tmp_path):
    for text in ("note,path\n\n , \nx,a\n", "\ufeffnote,path\r\n\r\n,\r\nx,a\r\n"):
        found = read(tmp_path, text)
        assert found.index.tolist() == [4]
        assert found.to_dict("records") == [{"note": "x", "path": "a"}]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"path,note\na,\xff\n", " is not UTF-8; save it as CSV in UTF-8"),
        ("", ", line 1: the header must have path,note"),
        ("\npath\na\n", ", line 2: the header must have path,note"),
        ("path;note\na;b\n", ", line 1: separate the fields by commas"),
        ("path\tnote\na\tb\n", ", line 1: separate the fields by commas"),
        ("path,note,lak\n", ", line 1: there is no column 'lak'; did you mean `lake`?"),
        ("path,note,x\n", ", line 1: there is no column 'x'; use one of path, note, lake, moor"),
        ("path,note,lake,lake\n", ", line 1: the column 'lake' is there twice; remove one of the two"),
        ("path,note\na;b\n", ", line 2: 1 of 2 fields; separate them by commas"),
        ("path,note\na,b,c\n", ", line 2: 3 of 2 fields; put one with commas in quotes"),
        ('path,note\na,"b\n', ", line 2: not CSV (unexpected end of data); correct this line"),
        ("path,note\n,b\n", ", line 2: the path is empty; write it, or remove this line"),
        ("path,note\na,\nb,\na,x\n", ", line 4: 'a' is on line 2 too; remove one of the two"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(tmp_path, text, sentence):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 't.csv'}{sentence}"


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="is missing; create it with the line path,note"):
        strict_csv.read(tmp_path / "missing.csv", ["path", "note"])
    with pytest.raises(InputError, match=r"cannot be read .*; name a CSV file"):
        strict_csv.read(tmp_path, ["path", "note"])


@given(st.dictionaries(st.text('ab,"\n', min_size=1).filter(str.strip), st.text('ab,;"\n\u5c71'), max_size=5))
def test_every_table_that_is_written_is_read_back(tmp_path_factory, rows):
    file = tmp_path_factory.getbasetemp() / "strict.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("path", "note"), *rows.items()])
    found = strict_csv.read(file, ["path", "note"])
    assert dict(zip(found["path"], found["note"], strict=True)) == rows
