"""Tables of labels of any spelling are read; what they say of the images is what the writer wrote."""

import codecs
import csv
import io
import json
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.layout.label_tables import candidates, read_table
from tests.helpers.listings import contents, found, table_of

IMAGES = [f"images/{number}.jpg" for number in range(12)]
LABELS = ["cat", "dog"]
# A cell as a spreadsheet may hold it: cells are compared without blanks at their ends.
CELL = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12).map(str.strip)


def table(header: str, row, images=IMAGES) -> bytes:
    return "\n".join([header, *(row(path, LABELS[n % 2]) for n, path in enumerate(images)), ""]).encode()


def labels(layout) -> list[str]:
    return [table_of(layout)[path][1] for path in IMAGES]


RIGHT = [LABELS[number % 2] for number in range(12)]


@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8),
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_csv_writes_is_read_back(rows, separator, end, encoding, quoting):
    assume(all(cell for row in rows for cell in row))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerow(["file", "label", "more"])
    writer.writerows(rows)
    read = read_table("a/labels.csv", text.getvalue().encode(encoding))
    assert read.header == ("file", "label", "more")
    assert read.rows == [list(row) for row in rows]


@given(st.binary(max_size=300))
@pytest.mark.parametrize("path", ["a.csv", "a.jsonl"])
def test_any_bytes_are_a_table_or_none(path, data):
    read = read_table(path, data)
    assert read is None or all(len(row) == len(read.header) for row in read.rows)


NAME = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=",;|"), min_size=1, max_size=9)


@given(st.lists(NAME, min_size=2, max_size=4, unique_by=str.casefold), st.randoms())
def test_labels_of_any_letters(names, random):
    """Classes are what the cells say, in composed form."""
    written = dict(zip(IMAGES, [*names, *random.choices(names, k=12 - len(names))], strict=True))
    text = io.StringIO()
    csv.writer(text).writerows([["file_name", "label"], *written.items()])
    layout = found(contents(IMAGES) | {"metadata.csv": text.getvalue().encode()}, training=False)
    labels = {path: unicodedata.normalize("NFC", name).casefold() for path, name in written.items()}
    assert {member.path: member.label.casefold() for member in layout.members} == labels


@pytest.mark.parametrize(
    "row",
    [
        lambda path, label: f"{path},{label}",
        lambda path, label: f"./{path},{label}",
        lambda path, label: f"/home/me/data/{path},{label}",
        lambda path, label: f"..\\..\\{path.replace('/', chr(92))},{label}",
        lambda path, label: f"{path[7:]},{label}",
        lambda path, label: f"{path[7:-4]},{label}",
        lambda path, label: f"{path[7:-4]}.png,{label}",
        lambda path, label: f" {path[7:]} , {label} ",
        lambda path, label: f'"{path[7:]}","{label}"',
    ],
)
@pytest.mark.parametrize("place", ["labels.csv", "images/metadata.csv", "tables/anything.csv"])
def test_a_path_is_found_however_it_is_written(row, place):
    layout = found(contents(IMAGES) | {place: table("file,kind", row)})
    assert labels(layout) == RIGHT
    assert layout.skipped == {}


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("file,label,width", lambda path, label: f"{path},{label},{len(label)}"),
        ("width,class_name,class_id,path", lambda path, label: f"9,{label},{len(path)},{path}"),
        (",path,what", lambda path, label: f"{path[7:-4]},{path},{label}"),
        ("path,cat,dog", lambda path, label: f"{path},{int(label == 'cat')},{int(label == 'dog')}"),
        ("image;cat;dog", lambda path, label: f"{path[:-4]};{label == 'cat'};{label == 'dog'}"),
        ("image,CAT,DOG,MEL", lambda path, label: f"{path[7:-4]},{float(label == 'cat')},{float(label == 'dog')},0.0"),
        ("who,score,file", lambda path, label: f"{label},0.{path[7:-4]},{path}"),
        ("images/0.jpg cat", lambda path, label: f"{path} {label}"),
    ],
)
def test_columns_are_found(header, row):
    text = table(header, row) if header[-4:] != " cat" else table(header, row)[len(header) + 1 :]
    layout = found(contents(IMAGES) | {"labels.csv": text})
    assert [label.lower() for label in labels(layout)] == RIGHT


def test_json_lines():
    lines = [json.dumps({"file_name": path[7:], "label": label}) for path, label in zip(IMAGES, RIGHT, strict=True)]
    layout = found(contents(IMAGES) | {"images/metadata.jsonl": "\n".join(lines).encode()})
    assert labels(layout) == RIGHT


def test_the_split_in_a_column():
    def row(path, label):
        return f"{path},{label},{'Training' if int(path[7:-4]) < 8 else 'validation' if path[7:-4] == '8' else 'TEST'}"

    layout = found(contents(IMAGES) | {"labels.csv": table("path,label,Split", row)}, training=False)
    assert [member.split for member in sorted(layout.members, key=lambda it: int(it.path[7:-4]))] == (
        ["train"] * 8 + ["val"] + ["test"] * 3
    )
    assert "the table states the split of 12 images" in layout.notes


def test_a_table_for_each_split_with_the_same_names_of_files():
    files = contents(f"{split}/{number}.jpg" for split in ("train", "test") for number in range(4))
    for split, order in (("train", LABELS), ("test", LABELS[::-1])):
        rows = [f"{number}.jpg,{order[number % 2]}" for number in range(4)]
        files[f"{split}.csv"] = "\n".join(["file,label", *rows]).encode()
    layout = found(files)
    assert {path: label for path, (_, label) in table_of(layout).items()} == {
        f"{split}/{number}.jpg": (LABELS if split == "train" else LABELS[::-1])[number % 2]
        for split in ("train", "test")
        for number in range(4)
    }


def test_rows_without_a_file_and_files_without_a_row_are_counted():
    text = table("file,label", lambda path, label: f"{path},{label}", IMAGES[:10]) + b"images/gone.jpg,cat\nx.jpg,dog\n"
    layout = found(contents(IMAGES) | {"labels.csv": text})
    assert len(layout.members) == 10
    assert layout.outside == 2
    assert "2 rows of the table name no image of the archive, e.g. 'images/gone.jpg'" in layout.notes
    assert "2 images are in no table of labels and left out, e.g. 'images/10.jpg'" in layout.notes


@pytest.mark.parametrize("separator", ["|", ";", ","])
def test_several_labels_in_a_cell(separator):
    cells = ["cat", "dog", f"cat{separator}dog", "cat"] * 3
    rows = [f'{path},"{cell}"' for path, cell in zip(IMAGES, cells, strict=True)]
    layout = found(contents(IMAGES) | {"labels.csv": "\n".join(["file,label", *rows]).encode()})
    assert layout.notes[0].startswith("3 of 12 images are in several classes, e.g. 'images/10.jpg' in 'cat' and 'dog'")
    assert (len(layout.members), layout.outside) == (9, 3)
    one = found(
        contents(IMAGES) | {"labels.csv": "\n".join(["file,label", *rows]).encode()}, labels=None, training=False
    )
    assert one.classes == ("cat", "dog")


def test_a_comma_may_belong_to_a_class():
    cells = ["Tomato, healthy", "Tomato, blight", "Potato, healthy"] * 4
    rows = [f'{path},"{cell}"' for path, cell in zip(IMAGES, cells, strict=True)]
    layout = found(contents(IMAGES) | {"labels.csv": "\n".join(["file,label", *rows]).encode()})
    assert layout.classes == ("Potato, healthy", "Tomato, blight", "Tomato, healthy")


def test_a_table_and_a_column_can_be_chosen():
    text = table("path,species,sex", lambda path, label: f"{path},{label},{'f' if path[7] in '135' else 'm'}")
    files = contents(IMAGES) | {"about.csv": text, "notes.txt": b"none"}
    assert labels(found(files, labels="table:about.csv")) == RIGHT
    assert set(labels(found(files, labels="table:about.csv:Sex"))) == {"f", "m"}
    for setting, part in {
        "table:other.csv": "names the table 'other.csv', which is not here; there are 'about.csv' and 'notes.txt'",
        "table:about.csv:age": "about.csv has no column 'age'; its columns are 'path', 'species', 'sex'",
        "table:notes.txt": "no column of 'notes.txt' names images",
    }.items():
        with pytest.raises(InputError) as caught:
            found(files, labels=setting)
        assert part in str(caught.value)


def test_a_table_whose_columns_say_nothing_is_shown():
    text = table("path,left,right", lambda path, label: f"{path},0.{path[7:-4]},{path[7:-4]}1")
    with pytest.raises(InputError, match=r"'labels\.csv' has 'path', 'left', 'right'"):
        found(contents(IMAGES) | {"labels.csv": text})


def test_folders_of_classes_win_over_a_table():
    files = [f"{label}/{number}.jpg" for label in LABELS for number in range(6)]
    text = table("path,label", lambda path, _: f"{path},{path[-5]}", files)
    layout = found(contents(files) | {"labels.csv": text})
    assert layout.classes == ("cat", "dog")
    assert any("labels the images as well" in note for note in layout.notes)
    assert found(contents(files) | {"labels.csv": text}, labels="folders").classes == ("cat", "dog")
    assert len(found(contents(files) | {"labels.csv": text}, labels="table:labels.csv").classes) == 6


def test_a_subject_in_a_column():
    text = table("path,label,Patient ID", lambda path, label: f"{path},{label},p{int(path[7:-4]) // 3}")
    layout = found(contents(IMAGES) | {"labels.csv": text}, subject="column:patient id")
    assert {member.subject for member in layout.members} == {"p0", "p1", "p2", "p3"}
    assert any("12 images of 4 subjects" in note for note in layout.notes)
    with pytest.raises(InputError, match="no table with a column of file names has a column 'video'"):
        found(contents(IMAGES) | {"labels.csv": text}, subject="column:video")


def test_of_a_great_many_tables_only_likely_ones_are_read():
    boxes = [f"labels/{number}.txt" for number in range(50)]
    assert candidates([*boxes, "train.txt", "labels.csv", "a.csv", "sample_submission.csv"]) == [
        "labels.csv",
        "train.txt",
        "a.csv",
    ]
    many = [f"{number}.csv" for number in range(500)]
    assert candidates([*many, "x/_classes.csv"]) == ["x/_classes.csv"]


def test_a_byte_order_mark_is_no_part_of_a_name():
    read = read_table("a.csv", codecs.BOM_UTF8 + b"file;label\r\n1.jpg;caf\xc3\xa9\r\n\r\n")
    assert (read.header, read.rows) == (("file", "label"), [["1.jpg", "café"]])
    assert read_table("a.csv", b"file;label\n1.jpg;caf\xe9\n").rows == [["1.jpg", "café"]]
