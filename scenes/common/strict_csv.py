"""CSV files that people write: read strictly, and refused with the line to correct."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scenes.common import formulas
from scenes.common.errors import InputError
from scenes.common.words import show, suggestion

if TYPE_CHECKING:
    import pandas as pd


def read(path: str | Path, columns: Sequence[str], more: Sequence[str] = ()) -> "pd.DataFrame":
    """Return all fields as text, by line number, with the columns in the order of the file. Blank lines are skipped.

    The apostrophes of ``scenes.common.tables.write_csv`` are undone.

    Args:
        path: the file.
        columns: those that it must have. The first one names what its row is about, each once.
        more: those that it may have.

    Raises:
        InputError: the file is missing or not CSV in UTF-8, its header does not fit, a row has too few or too many
            fields, or the first of ``columns`` is empty or repeated.
    """
    import pandas as pd

    lines = _lines(path, columns)
    first = min(lines, default=1)
    header = lines.pop(first, [])
    _check_header(header, columns, more, f"{path}, line {first}")
    named: dict[str, int] = {}
    for line, row in lines.items():
        where = f"{path}, line {line}"
        if len(row) != len(header):
            advice = "separate them by commas" if len(row) < len(header) else "put one with commas in quotes"
            raise InputError(f"{where}: {len(row)} of {len(header)} fields; {advice}")
        name = row[header.index(columns[0])]
        if not name:
            raise InputError(f"{where}: the {columns[0]} is empty; write it, or remove this line")
        if name in named:
            raise InputError(f"{where}: {show(name)} is on line {named[name]} too; remove one of the two")
        named[name] = line
    return pd.DataFrame.from_dict(lines, orient="index", columns=header, dtype=str)


def _lines(path: str | Path, columns: Sequence[str]) -> dict[int, list[str]]:
    lines = {}
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a mark at the beginning
            reader = csv.reader(file, strict=True)
            try:
                for row in reader:
                    if any(map(str.strip, row)):
                        lines[reader.line_num] = list(map(formulas.original, row))
            except csv.Error as error:
                raise InputError(f"{path}, line {reader.line_num}: not CSV ({error}); correct this line") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8; save it as CSV in UTF-8") from None
    except FileNotFoundError:
        raise InputError(f"{path} is missing; create it with the line {','.join(columns)}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); name a CSV file") from None
    return lines


def _check_header(header: Sequence[str], columns: Sequence[str], more: Sequence[str], where: str) -> None:
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise InputError(f"{where}: separate the fields by commas")
    for name in columns:
        if name not in header:
            raise InputError(f"{where}: the header must have {','.join(columns)}")
    for position, name in enumerate(header):
        if name not in (*columns, *more):
            raise InputError(f"{where}: there is no column {show(name, 60)}; {suggestion(name, [*columns, *more])}")
        if name in header[:position]:
            raise InputError(f"{where}: the column {show(name, 60)} is there twice; remove one of the two")
