"""Contact sheets: images in rows, a caption below each image and a title above each section."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from scenes.plots import style
from scenes.plots.text import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GAP, _TITLE, _MARGIN = 0.3, 0.42, 0.3  # inches: between images, height of a title, around the sheet


class Cell(NamedTuple):
    """One image, or None if it could not be decoded; ``join`` is drawn between it and the next one."""

    picture: np.ndarray | Image.Image | None
    caption: str
    join: str = ""


class Section(NamedTuple):
    """Images under one title."""

    title: str
    cells: Sequence[Cell]


def figure(
    sections: Sequence[Section],
    *,
    columns: int = 8,
    cell: float = 1.2,
    aspect: float = 1.0,
    caption: float = 0.5,
    fontsize: float = 8,
    headline: str = "",
) -> "Figure":
    """Return a figure of all sections; two short ones in sequence share a row, a long one takes several rows.

    Args:
        columns: images a row.
        cell, caption: the heights of an image and of its caption, in inches.
        aspect: the width of an image divided by its height.
        fontsize: of captions, in points.
        headline: a line above all sections.
    """
    lengths = [len(section.cells) for section in sections]
    places = list(_places(lengths, columns))
    last = max((row + _lines(length, columns) - 1 for length, (row, _) in zip(lengths, places, strict=True)), default=0)
    line = _TITLE + cell + caption
    # A row that continues a section has no title, so it moves up by the height of one.
    untitled = np.cumsum([row > 0 and all(row != first for first, _ in places) for row in range(last + 1)])
    headline_height = _TITLE if headline else 0.0
    cell_width = cell * aspect
    width = 2 * _MARGIN + columns * (cell_width + _GAP) - _GAP
    height = 2 * _MARGIN + (last + 1) * line - untitled[-1] * _TITLE + headline_height
    sheet = style.figure(width, height)
    if headline:
        sheet.text(_MARGIN / width, (height - _MARGIN - 0.1) / height, drawable(headline), fontsize=12, va="center")
    tops = [height - _MARGIN - row * line + untitled[row] * _TITLE - headline_height for row in range(last + 1)]
    for section, (row, first) in zip(sections, places, strict=True):
        left = _MARGIN + first * (cell_width + _GAP)
        title = drawable(section.title)
        sheet.text(left / width, (tops[row] - 0.24) / height, title, fontsize=12, weight="bold", va="center")
        for index, item in enumerate(section.cells):
            down, column = divmod(index, columns)
            x, y = left + column * (cell_width + _GAP), tops[row + down] - _TITLE - cell
            axes = sheet.add_axes((x / width, y / height, cell_width / width, cell / height))
            _show(axes, item.picture)
            below = (x + cell_width / 2) / width, (y - 0.06) / height
            sheet.text(*below, drawable(item.caption), fontsize=fontsize, ha="center", va="top", linespacing=1.25)
            if item.join:
                middle = (x + cell_width + _GAP / 2) / width, (y + cell / 2) / height
                sheet.text(*middle, item.join, fontsize=16, ha="center", va="center")
    return sheet


def _lines(length: int, columns: int) -> int:
    return max(-(-length // columns), 1)


def _places(lengths: Sequence[int], columns: int) -> Iterator[tuple[int, int]]:
    """Yield the first row and the first column of each section."""
    row, column = -1, columns
    for length in lengths:
        slots = columns if length > columns // 2 else columns // 2
        if column + slots > columns:
            row, column = row + 1, 0
        yield row, column
        row, column = row + _lines(length, columns) - 1, column + slots


def _show(axes: "Axes", picture: np.ndarray | Image.Image | None) -> None:
    axes.set(xticks=[], yticks=[])
    if picture is None:
        axes.set_facecolor(style.PAPER)
        axes.text(0.5, 0.5, "not\ndecoded", transform=axes.transAxes, ha="center", va="center", color=style.FAINT)
        for spine in axes.spines.values():
            spine.set(visible=True, color=style.FAINT, linestyle=":")
    else:
        axes.imshow(picture)
        axes.spines[:].set_visible(False)
