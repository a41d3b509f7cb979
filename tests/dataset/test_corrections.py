"""Corrections of labels: what is refused, what merging keeps, what an audit becomes by them."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.dataset import corrections
from scenes.dataset.corrections import COLUMNS, DROP
from tests.helpers.audited import plain_rows, table

HEADER = "path,label,remark\n"


@pytest.fixture
def audit():
    return table(plain_rows(3))


def written(folder, text: str):
    file = folder / "c.csv"
    file.write_bytes(text.encode())
    return file


@pytest.mark.parametrize(
    "text",
    [
        HEADER + 'train/lake/0,moor,"wet, but no lake"\ntrain/moor/1,drop,\n',
        "\ufeff" + HEADER.replace("\n", "\r\n") + 'train/lake/0,moor,"wet, but no lake"\r\n\r\ntrain/moor/1,drop,\r\n',
    ],
    ids=["plain", "of a spreadsheet"],
)
def test_a_file_is_read_as_people_write_it(audit, tmp_path, text):
    found = corrections.read(written(tmp_path, text), audit)
    assert found.to_numpy().tolist() == [["train/lake/0", "moor", "wet, but no lake"], ["train/moor/1", DROP, ""]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("train/lake/0,moor,\n", "line 1: the header must have path,label,remark"),
        (HEADER.replace(",", ";") + "train/lake/0;moor;\n", "line 1: separate the fields by commas"),
        (HEADER + "train/lake/0,moor,a, b\n", "line 2: 4 of 3 fields; put one with commas in quotes"),
        (
            HEADER + "train/lake/0,moor,a\x00\n",
            "line 2: the remark 'a\\x00' has a control character; remove it",
        ),
        (
            HEADER + "train/lake/0,moor,\x1b[31m\n",
            "line 2: the remark '\\x1b[31m' has a control character; remove it",
        ),
        (
            HEADER + "\ntrain/lak/0,moor,\n",
            "line 3: 'train/lak/0' is not an image of the archive; did you mean 'train/lake/0'?",
        ),
        (
            HEADER + "Desktop/some/folder/of/mine/1,moor,\n",
            "line 2: 'Desktop/some/folder/of/mine/1' is not an image of the archive; did you mean 'pred/1'?",
        ),
        (HEADER + "xyz,moor,\n", "line 2: 'xyz' is not an image of the archive; remove this line"),
        (HEADER + "pred/0,moor,\n", "line 2: 'pred/0' has no label in the archive to correct; remove this line"),
        (HEADER + "train/lake/0,mor,\n", "line 2: 'mor' is no class; did you mean `moor`?"),
        (HEADER + "train/lake/0,,\n", "line 2: '' is no class; use one of lake, moor, drop"),
        (
            HEADER + "train/lake/0,moor,\ntrain/lake/1,moor,\ntrain/lake/0,drop,\n",
            "line 4: 'train/lake/0' is on line 2 too; remove one of the two",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(audit, tmp_path, text, sentence):
    file = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        corrections.read(file, audit)
    assert str(caught.value) == f"{file}, {sentence}"


def test_a_class_named_as_the_word_that_drops_needs_another_name_only_where_something_is_corrected(tmp_path):
    audit = table(plain_rows(3, labels=("lake", DROP)))
    assert corrections.read(written(tmp_path, HEADER), audit).empty
    with pytest.raises(InputError, match="line 2: `drop` is also a class of the archive; rename"):
        corrections.read(written(tmp_path, HEADER + "train/lake/0,drop,\n"), audit)


def test_an_audit_has_the_new_labels_and_not_what_is_dropped(audit):
    named = pd.DataFrame([("test/lake/0", "moor", ""), ("train/lake/0", DROP, "")], columns=COLUMNS)
    found = corrections.apply(audit, named)
    before, after = audit.set_index("path")["label"], found.set_index("path")["label"]
    assert set(before.index) - set(after.index) == {"train/lake/0"}
    assert before[after.index].compare(after).index.tolist() == ["test/lake/0"]
    assert after["test/lake/0"] == "moor"
    assert corrections.apply(audit, named.head(0)).equals(audit)
    assert corrections.unknown(pd.DataFrame({"path": ["x", "pred/0", "test/lake/0"]}), audit) == ["x", "pred/0"]


# As paths and remarks may be: commas, quotes, formulas, lines, other scripts.
TEXTS = st.text("ab/,;\"'=+\n山", min_size=1, max_size=4)


@st.composite
def tables(draw, paths=TEXTS):
    rows = [
        (path, draw(st.sampled_from(["lake", "moor", DROP])), draw(st.just("") | TEXTS))
        for path in draw(st.lists(paths, unique=True, max_size=6))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=str)


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return one.to_numpy().tolist() == other.to_numpy().tolist()


@given(tables(), tables(), st.randoms())
def test_merging_keeps_the_last_answer_in_an_order_of_its_own(one, other, chance):
    merged = corrections.merge(one, other)
    assert merged["path"].tolist() == sorted({*one["path"], *other["path"]})
    rows = {row[0]: row for row in one.to_numpy().tolist()}
    for path, label, remark in other.to_numpy().tolist():
        same_label = rows.get(path, [path, None])[1] == label
        rows[path] = [path, label, remark or (rows[path][2] if same_label else "")]
    assert merged.to_numpy().tolist() == [rows[path] for path in sorted(rows)]
    assert same(corrections.merge(merged, other), merged)
    assert same(corrections.merge(merged, merged), merged)
    apart = other[~other["path"].isin(one["path"])]
    assert same(corrections.merge(one, apart), corrections.merge(apart, one))
    shuffled = one.sample(frac=1, random_state=chance.randrange(99))
    assert same(corrections.merge(shuffled, other), merged)


@given(tables())
def test_a_table_survives_its_file(tmp_path_factory, table):
    file = tmp_path_factory.getbasetemp() / "corrections.csv"
    corrections.write(table, file)
    found = corrections.parse(file)
    assert same(found, table)
    stream = io.StringIO()
    corrections.write(table, stream)
    assert stream.getvalue() == file.read_text(encoding="utf-8")
