"""What a model gets wrong, and what it is not sure of, as pictures.

The images that a model took for one class, as a contact sheet.

A contact sheet of the label issues: each image, the label it has and the one it may deserve.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from scenes.archive.layout import Archive
from scenes.images import decode
from scenes.plots import contact_sheet, style
from scenes.plots.contact_sheet import Cell, Section, short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


_COLUMNS, _CELL = 6, 1.6  # pictures a row, and inches a side of one
SHOWN = 4 * _COLUMNS  # images that a gallery shows: as many as one looks at


def most_confident_errors(predictions: "pd.DataFrame", count: int = SHOWN) -> "pd.DataFrame":
    """Return the errors that a model was surest of, the surest first, ties by key.

    Args:
        predictions: ``key,actual,predicted,confidence``, see ``scenes.evaluation.inference.Predictions.table``.
    """
    wrong = predictions[predictions["actual"] != predictions["predicted"]]
    return wrong.sort_values(["confidence", "key"], ascending=[False, True]).head(count)


def least_confident(predictions: "pd.DataFrame", count: int = SHOWN) -> "pd.DataFrame":
    """Return the images, right or wrong, whose class has the least probability, the least first, ties by key.

    This is "least confidence", one of the usual measures of uncertainty (Settles 2009, section 3.1,
    https://burrsettles.com/pub/settles.activelearning.pdf): unlike the margin and the entropy it needs nothing that the
    table does not hold.

    Args:
        predictions: see :func:`most_confident_errors`.
    """
    return predictions.sort_values(["confidence", "key"]).head(count)


def predictions_figure(chosen: "pd.DataFrame", images: Mapping[str, np.ndarray], *, title: str) -> "Figure":
    """Return a contact sheet of the rows of ``chosen``, in their order.

    Args:
        chosen: ``key,actual,predicted,confidence``.
        images: by key, uint8 (height, width, 3).
    """
    cells = [Cell(images[row.key], caption(row)) for row in chosen.itertuples(index=False)]
    return contact_sheet.figure([Section(title, cells)], columns=_COLUMNS, cell=_CELL, caption=0.68, fontsize=9)


def caption(row) -> str:
    """Return three lines on a prediction: its image's file, its true class, and what the model said, how surely."""
    # The sign says it without a colour.
    sign = "✓" if row.actual == row.predicted else "✗"
    said = f"{sign} {short(row.predicted, 18)} {row.confidence:.1%}"
    return f"{said}\ntruth: {short(row.actual)}\n{short(row.key.rpartition('/')[2], 24)}"


_COLUMNS, _CELL = 6, 1.6  # pictures a row, and inches a side of one
SHOWN_OF_CLASS = 2 * _COLUMNS  # images of each of the two sections


def surest_and_least_sure(predictions: "pd.DataFrame", name: str, count: int = SHOWN_OF_CLASS) -> "pd.DataFrame":
    """Return the rows of class ``name`` that the model was surest of and least sure of, the surest first, ties by key.

    Args:
        predictions: see ``scenes.evaluation.prediction_table``.
        count: of each; all rows, if there are no more than twice as many.
    """
    rows = predictions[predictions["class"] == name].sort_values(["confidence", "key"], ascending=[False, True])
    return rows if len(rows) <= 2 * count else rows.iloc[[*range(count), *range(len(rows) - count, len(rows))]]


def class_figure(name: str, chosen: "pd.DataFrame", images: Mapping[str, np.ndarray], *, total: int) -> "Figure":
    """Return a contact sheet of the rows of ``chosen``.

    Args:
        chosen: see :func:`surest_and_least_sure`.
        images: by key, uint8 (height, width, 3).
        total: images that were taken for this class.
    """
    cells = [Cell(images[row.key], _class_caption(row)) for row in chosen.itertuples(index=False)]
    if not cells:
        sections = [Section(f"{name}: no image was taken for it", [])]
    elif len(cells) == total:
        sections = [Section(f"{name}: all {total:,} images, the surest first", cells)]
    else:
        half = len(cells) // 2
        sections = [
            Section(f"{name}: the {half} surest of {total:,} images", cells[:half]),
            Section(f"{name}: the {half} least sure", cells[half:]),
        ]
    return contact_sheet.figure(sections, columns=_COLUMNS, cell=_CELL, caption=0.45)


def _class_caption(row) -> str:
    sure = "unsure " if row.unsure else ""
    return f"{sure}{row.confidence:.0%}\n{short(row.key.rpartition('/')[2], 24)}"


_COLUMNS, _CELL = 6, 1.6  # pictures a row, and inches a side of one
_THUMBNAIL_PIXELS = 192  # a side, at most


def plot_label_issues(
    path: str | Path, table: "pd.DataFrame", archive: Archive, *, count: int, max_pixels: int
) -> None:
    """Write the first ``count`` rows of ``table`` (see ``scenes.evaluation.label_issues``) as pictures with captions."""
    rows = table.head(count)
    cells = [
        Cell(_thumbnail(archive, row.key, max_pixels), _label_issue_caption(row))
        for row in rows.itertuples(index=False)
    ]
    figure = contact_sheet.figure(
        [Section(_label_issues_title(len(rows), len(table)), cells)],
        columns=_COLUMNS,
        cell=_CELL,
        caption=0.68,
        headline="Given label → suggested label, and how much speaks for the given one, from 0 to 1.",
    )
    style.save(figure, path)


def _label_issues_title(shown: int, total: int) -> str:
    if not total:
        return "No label is in doubt."
    return f"Label issues: {total:,}" + (f", the first {shown:,} by score" if shown < total else "")


def _label_issue_caption(row) -> str:
    score = "no score" if row.score != row.score else f"{row.score:.3f}"
    labels = f"{short(row.given_label, 13)} → {short(row.suggested_label, 13)}"
    return f"{labels}\n{score}, {row.reason}\n{short('/'.join(row.key.split('/')[-2:]), 28)}"


def _thumbnail(archive: Archive, key: str, max_pixels: int) -> Image.Image:
    picture = Image.fromarray(decode.decode(archive.read(key), max_pixels=max_pixels).pixels)
    picture.thumbnail((_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
    return picture
