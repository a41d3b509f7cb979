"""Galleries: a model's errors, its predictions without ground truth and the label issues, as contact sheets.

For each gallery one function selects the rows of a table and another makes a figure of them. Ties go by key, so the
order of the table does not matter.
"""

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.layout.layout import Archive
from scenes.plots import contact_sheet
from scenes.plots.contact_sheet import Cell, Section
from scenes.plots.text import short
from scenes.plots.thumbnails import member_thumbnail

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_COLUMNS = 6  # images a row
_CELL = 1.6  # inches a side of an image
_SHOWN = 4 * _COLUMNS  # errors, or predictions in doubt: as many as a reader looks at
_SHOWN_PER_CLASS = 2 * _COLUMNS  # the most confident predictions of a class, and as many of the least confident
_MAX_SHEETS = 12  # classes with a sheet of their predictions
_THUMBNAIL_SIDE = 192  # pixels


def most_confident_errors(predictions: "pd.DataFrame", count: int = _SHOWN) -> "pd.DataFrame":
    """Return the wrong predictions, the most confident first.

    Args:
        predictions: ``key,actual,predicted,confidence``, see ``scenes.evaluation.inference.Predictions.table``.
    """
    errors = predictions[predictions["actual"] != predictions["predicted"]]
    return errors.sort_values(["confidence", "key"], ascending=[False, True]).head(count)


def least_confident(predictions: "pd.DataFrame", count: int = _SHOWN) -> "pd.DataFrame":
    """Return the predictions, correct or wrong, with the lowest probability of the predicted class, the lowest first.

    This is "least confidence", a usual measure of uncertainty (Settles 2009, section 3.1,
    https://burrsettles.com/pub/settles.activelearning.pdf). Unlike margin and entropy, it needs only the table.

    Args:
        predictions: see :func:`most_confident_errors`.
    """
    return predictions.sort_values(["confidence", "key"]).head(count)


def predictions_figure(rows: "pd.DataFrame", images: Mapping[str, np.ndarray], *, title: str) -> "Figure":
    """Return a contact sheet of predictions with their ground truth.

    Args:
        rows: ``key,actual,predicted,confidence``, in the order to show.
        images: by key, uint8 (height, width, 3).
    """
    cells = [Cell(images[row.key], prediction_caption(row)) for row in rows.itertuples(index=False)]
    return contact_sheet.figure([Section(title, cells)], columns=_COLUMNS, cell=_CELL, caption=0.68, fontsize=9)


def prediction_caption(row: Any) -> str:
    """Return three lines: the prediction, the actual class, the file.

    Args:
        row: a named tuple or a Series of ``key,actual,predicted,confidence``.
    """
    sign = "✓" if row.actual == row.predicted else "✗"  # readable without colour
    predicted = f"{sign} {short(row.predicted, 16)} {row.confidence:.1%}"
    return f"{predicted}\nactual: {short(row.actual, 16)}\n{short(row.key.rpartition('/')[2], 24)}"


def most_and_least_confident(
    predictions: "pd.DataFrame", class_name: str, count: int = _SHOWN_PER_CLASS
) -> "pd.DataFrame":
    """Return the most and the least confident predictions of one class, the most confident first.

    Args:
        predictions: see ``scenes.evaluation.prediction_table``.
        count: rows of each kind; all rows are returned if there are no more than twice as many.
    """
    rows = predictions[predictions["class"] == class_name].sort_values(["confidence", "key"], ascending=[False, True])
    return rows if len(rows) <= 2 * count else rows.iloc[[*range(count), *range(len(rows) - count, len(rows))]]


def class_sheets(predictions: "pd.DataFrame", classes: Sequence[str]) -> "dict[str, pd.DataFrame]":
    """Return the rows to show by class, see :func:`most_and_least_confident`, in the order of ``classes``.

    If there are more than ``_MAX_SHEETS`` classes, the ones that are predicted most often, of equals the first by name.

    Args:
        predictions: see ``scenes.evaluation.prediction_table``.
        classes: all class names.
    """
    counts = predictions["class"].value_counts()
    most = set(sorted(classes, key=lambda name: (-counts.get(name, 0), name))[:_MAX_SHEETS])
    return {name: most_and_least_confident(predictions, name) for name in classes if name in most}


def sheet_names(classes: Iterable[str]) -> dict[str, str]:
    """Return a file name for the contact sheet of each class, by class; no two are equal, also without regard to case.

    A nested class has slashes in its name, which a file cannot have. DVC writes the name into HTML, as text and in an
    address, as it is. It takes a number for a step of a training, and fails if only some pictures in a folder are one.
    """
    names: dict[str, str] = {}
    taken = set()
    for class_name in classes:
        safe = re.sub(r'^\.|[<>"&#%?\\\x00-\x1f\x7f]', "_", class_name.replace("/", " - "))
        safe = f"class {safe}" if safe.isdigit() else safe
        safe = safe.encode()[:200].decode(errors="ignore")
        numbered = (safe if number == 1 else f"{safe} ({number})" for number in itertools.count(1))
        name = next(name for name in numbered if name.casefold() not in taken)
        taken.add(name.casefold())
        names[class_name] = f"{name}.png"
    return names


def class_figure(class_name: str, rows: "pd.DataFrame", images: Mapping[str, np.ndarray], *, total: int) -> "Figure":
    """Return a contact sheet of the predictions of one class.

    Args:
        rows: see :func:`most_and_least_confident`.
        images: by key, uint8 (height, width, 3).
        total: images predicted as this class.
    """
    cells = [Cell(images[row.key], _class_caption(row)) for row in rows.itertuples(index=False)]
    class_name = short(class_name, 40)
    if not cells:
        sections = [Section(f"{class_name}: predicted for no image", [])]
    elif len(cells) == total:
        sections = [Section(f"{class_name}: all {total:,} images, the most confident first", cells)]
    else:
        half = len(cells) // 2
        sections = [
            Section(f"{class_name}: the {half} most confident of {total:,} images", cells[:half]),
            Section(f"{class_name}: the {half} least confident", cells[half:]),
        ]
    return contact_sheet.figure(sections, columns=_COLUMNS, cell=_CELL, caption=0.45)


def _class_caption(row: Any) -> str:
    # None where there is no threshold
    remarks = "unsure " * bool(row.unsure) + "unlike " * bool(getattr(row, "unlike_training", None))
    return f"{remarks}{row.confidence:.0%}\n{short(row.key.rpartition('/')[2], 24)}"


def label_issues_figure(issues: "pd.DataFrame", archive: Archive, *, count: int, max_pixels: int) -> "Figure":
    """Return a contact sheet of the first ``count`` label issues: each image, its label and the suggested one.

    Args:
        issues: see ``scenes.evaluation.label_issues``.
        archive: holds the images.
        max_pixels: see :func:`scenes.images.decode.decode`.
    """
    rows = issues.head(count)
    cells = [
        Cell(member_thumbnail(archive, row.key, side=_THUMBNAIL_SIDE, max_pixels=max_pixels), _label_issue_caption(row))
        for row in rows.itertuples(index=False)
    ]
    return contact_sheet.figure(
        [Section(_label_issues_title(len(rows), len(issues)), cells)],
        columns=_COLUMNS,
        cell=_CELL,
        caption=0.68,
        headline="Given label → suggested label, and the quality score of the given label, from 0 to 1.",
    )


def _label_issues_title(shown: int, total: int) -> str:
    if not total:
        return "No label issues were found."
    return f"Label issues: {total:,}" + (f", the first {shown:,} by score" if shown < total else "")


def _label_issue_caption(row: Any) -> str:
    score = "no score" if math.isnan(row.score) else f"{row.score:.3f}"
    labels = f"{short(row.given_label, 13)} → {short(row.suggested_label, 13)}"
    return f"{labels}\n{score}, {row.reason}\n{short('/'.join(row.key.split('/')[-2:]), 28)}"
