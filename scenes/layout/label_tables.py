"""Tables of labels: which column names the images, which the classes, whatever the table is called.

Read are ``metadata.csv`` with ``file_name`` (Hugging Face), ``_classes.csv`` with a column of 0 and 1 for each class
(Roboflow), ``labels.csv``, and any other CSV, TSV, JSON Lines or text with a column of file names and one of labels.
"""

import csv
import io
import json
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from scenes.common import suffixes
from scenes.layout.image_index import ImageIndex
from scenes.layout.members import UnfitSetting
from scenes.layout.split_names import split_of

# Names of columns without blanks, underscores and case; the more telling first.
_FILE_NAMES = (
    *("filename", "filepath", "filepaths", "path", "file", "image", "imagename", "imagepath", "imageid", "imagefile"),
    *("imageindex", "img", "imgname", "imgpath", "id", "idcode", "name", "fname"),
)
_LABEL_NAMES = (
    *("label", "labels", "class", "classname", "classlabel", "category", "categoryname", "target", "diagnosis", "dx"),
    *("breed", "species", "labelname", "tag", "tags", "classid", "labelid", "categoryid", "y", "findinglabels"),
)
_SPLIT_NAMES = ("split", "set", "dataset", "subset", "partition", "usage", "phase")
# What competitions hand out as an example of an answer has no labels.
_NO_TABLE = re.compile(r"submission|submit", re.IGNORECASE)
_LIKELY = re.compile(r"metadata|classes|label|train|val|test|class|annotation|ground.?truth", re.IGNORECASE)
_MOST_TABLES, _MOST_TEXTS = 200, 20
_SEPARATORS = ",;\t| "  # the blank is the last choice
_SAMPLE = 200  # rows that decide which column names the images
_ONE, _ZERO = {"1", "1.0", "true"}, {"0", "0.0", "false", ""}


class Table(NamedTuple):
    """A table as text, its cells without blanks at their ends, all rows as long as the header."""

    path: str
    header: tuple[str, ...]
    rows: list[list[str]]


class Labels(NamedTuple):
    """What a table says of the images.

    Attributes:
        path: of the table.
        how: its columns, for a message.
        labels: the classes of each image that it names; several for multi-label data, none where the cell is empty.
        splits: of the images for which it states one.
        lost: cells of the file column that name no image, or several.
    """

    path: str
    how: str
    labels: dict[str, tuple[str, ...]]
    splits: dict[str, str]
    lost: list[str]


def read_table(path: str, data: bytes) -> Table | None:
    """Parse a table. If its first row has the name of an image file, it has no header.

    Args:
        path: of the table; ``.jsonl`` is JSON Lines, all others have columns.
        data: UTF-8 or UTF-16 with or without a byte order mark, else Latin-1; separated by commas, semicolons, tabs or
            bars, or by blanks if the first line has none of these.

    Returns:
        None if it has no rows or cannot be parsed.
    """
    text = _text(data)
    try:
        rows = _json_rows(text) if path.lower().endswith(".jsonl") else _csv_rows(text)
    except (csv.Error, ValueError):
        return None
    if rows and any(map(suffixes.is_image, rows[0])):
        rows = [[f"column {number}" for number in range(1, len(rows[0]) + 1)], *rows]
    if len(rows) < 2:
        return None
    width = len(rows[0])
    return Table(path, tuple(rows[0]), [(row + [""] * width)[:width] for row in rows[1:]])


def file_column(table: Table, index: ImageIndex) -> int | None:
    """Return the number of the column that names images: the one whose cells name the most; None if there is none."""
    step = max(1, len(table.rows) // _SAMPLE)
    sample = table.rows[::step]
    folder = posixpath.dirname(table.path)
    best: tuple[int, int, int] | None = None
    for column, name in enumerate(table.header):
        named = {index.find(row[column], folder, split_of(table.path)) for row in sample} - {None}
        expected = _rank(name, _FILE_NAMES)
        if named and (2 * len(named) >= len(sample) or expected < len(_FILE_NAMES)):
            best = max(best or (0, 0, 0), (len(named), -expected, -column))
    return -best[2] if best else None


def read_labels(table: Table, index: ImageIndex, column: str = "", classes: Collection[str] = ()) -> Labels | None:
    """Return the labels in a table; None if no column names images, or none has labels.

    Args:
        table: see :func:`read_table`.
        index: of the images.
        column: the name of the column with the labels; '' finds it.
        classes: known ones: a column with nothing else has the labels.

    Raises:
        UnfitSetting: there is no such column.
    """
    files = file_column(table, index)
    if files is None:
        return None
    others = [number for number in range(len(table.header)) if number != files and not _is_row_number(table, number)]
    split_column = next((number for number in others if _is_split_column(table, number)), None)
    others = [number for number in others if number != split_column]
    chosen = _of_classes(table, others, classes) or _label_columns(table, others, column)
    if not chosen:
        return None
    between = "" if len(chosen) > 1 else _between_labels({row[chosen[0]] for row in table.rows})
    labels: dict[str, tuple[str, ...]] = {}
    splits: dict[str, str] = {}
    lost = []
    folder, table_split = posixpath.dirname(table.path), split_of(table.path)
    for row in table.rows:
        split = split_of(row[split_column]) if split_column is not None else ""
        path = index.find(row[files], folder, split or table_split)
        if path is None:
            lost.append(row[files])
            continue
        labels[path] = tuple(dict.fromkeys([*labels.get(path, ()), *_labels_of(table, row, chosen, between)]))
        if split:
            splits[path] = split
    how = f"column {table.header[chosen[0]]!r}" if len(chosen) == 1 else f"{len(chosen)} columns of 0 and 1"
    return Labels(table.path, how, labels, splits, lost)


def possible_columns(table: Table, index: ImageIndex) -> list[str]:
    """Return the columns whose values repeat as labels do; none if no column names images."""
    files = file_column(table, index)
    if files is None:
        return []
    others = [number for number in range(len(table.header)) if number != files and not _is_split_column(table, number)]
    return [table.header[number] for number in _repeated_columns(table, others) if table.header[number]]


def values(table: Table, index: ImageIndex, column: str) -> dict[str, str] | None:
    """Return the cell of a column for each image that a table names; None if it has no such column or no images."""
    number = _numbered(table, column)
    files = file_column(table, index)
    if number is None or files is None:
        return None
    folder, split = posixpath.dirname(table.path), split_of(table.path)
    found = ((index.find(row[files], folder, split), row[number]) for row in table.rows)
    return {path: cell for path, cell in found if path is not None}


def candidates(paths: Iterable[str]) -> list[str]:
    """Return the tables worth reading, those with a likely name first; of a great many, those alone.

    A text file may describe one image, as for detectors, so those with other names and a great many are no tables.
    """
    tables = [path for path in paths if not _NO_TABLE.search(path)]
    named = [path for path in tables if _LIKELY.search(posixpath.basename(path))]
    texts = {path for path in tables if path.lower().endswith(".txt")}
    likely = [path for path in named if path not in texts or len(texts.intersection(named)) <= _MOST_TEXTS]
    others = [path for path in tables if path not in texts and path not in likely]
    return [*sorted(likely)[:_MOST_TABLES], *sorted(others if len(others) <= _MOST_TABLES else [])]


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _csv_rows(text: str) -> list[list[str]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    separator = max(_SEPARATORS[:-1] if any(each in bare for each in _SEPARATORS[:-1]) else " ", key=bare.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]


def _json_rows(text: str) -> list[list[str]]:
    objects = [item for line in text.split("\n") if line.strip() and isinstance(item := json.loads(line), dict)]
    header = list(dict.fromkeys(str(key) for item in objects for key in item))
    return [header, *([_json_cell(item.get(key, "")) for key in header] for item in objects)] if header else []


def _json_cell(value: object) -> str:
    return "|".join(map(str, value)) if isinstance(value, list) else str(value).strip()


def _rank(name: str, known: Sequence[str]) -> int:
    plain = re.sub(r"[\W_]", "", name).lower()
    return known.index(plain) if plain in known else len(known)


def _numbered(table: Table, column: str) -> int | None:
    """Return the number of the column of this name, in any case if none is spelled so."""
    for names, name in ((table.header, column), ([each.casefold() for each in table.header], column.casefold())):
        if name in names:
            return names.index(name)
    return None


def _is_row_number(table: Table, column: int) -> bool:
    return table.header[column] in ("", "Unnamed: 0")


def _is_split_column(table: Table, column: int) -> bool:
    return _rank(table.header[column], _SPLIT_NAMES) < len(_SPLIT_NAMES) and all(
        split_of(row[column]) or not row[column] for row in table.rows
    )


def _of_classes(table: Table, others: list[int], classes: Collection[str]) -> list[int]:
    return next(([number] for number in others if {row[number] for row in table.rows} <= set(classes)), [])


def _label_columns(table: Table, others: list[int], column: str) -> list[int]:
    """Return the numbers of the columns with labels: one, or one for each class in one-hot form; [] if none has."""
    if column:
        number = _numbered(table, column)
        if number is None:
            raise UnfitSetting(
                "labels",
                f"{table.path} has no column {column!r}; its columns are {', '.join(map(repr, table.header))[:150]}",
            )
        return [number]
    named = [number for number in others if _rank(table.header[number], _LABEL_NAMES) < len(_LABEL_NAMES)]
    if named:
        return [min(named, key=lambda number: _rank(table.header[number], _LABEL_NAMES))]
    if len(others) == 1:
        return others if len({row[others[0]] for row in table.rows}) > 1 else []
    binary = [number for number in others if {row[number].lower() for row in table.rows} <= _ONE | _ZERO]
    if len(binary) > 1:
        return binary
    repeated = _repeated_columns(table, others)
    return repeated if len(repeated) == 1 else []


def _repeated_columns(table: Table, columns: list[int]) -> list[int]:
    return [number for number in columns if _repeats(Counter(row[number] for row in table.rows))]


def _repeats(counts: Counter[str]) -> bool:
    return len(counts) > 1 and 3 * len(counts) <= counts.total()


def _between_labels(cells: set[str]) -> str:
    """Return what separates several labels in a cell; '' if each cell is one label.

    A comma or semicolon may also belong to the name of a class, if its parts are no labels by themselves.
    """
    if any("|" in cell for cell in cells):
        return "|"
    for separator in ";,":
        parts = {part.strip() for cell in cells if separator in cell for part in cell.split(separator)}
        if parts and 2 * len(parts & cells) >= len(parts):
            return separator
    return ""


def _labels_of(table: Table, row: list[str], chosen: list[int], between: str) -> list[str]:
    if len(chosen) > 1:
        names = [table.header[number] for number in chosen if row[number].lower() in _ONE]
    else:
        cell = row[chosen[0]]
        names = cell.split(between) if between else [cell]
    # On one line and in composed form, as the names of folders.
    labels = [unicodedata.normalize("NFC", " ".join(name.split())) for name in names]
    return [label for label in labels if label]
