"""A contact sheet of the label suspects: each image, the label it has and the one it may deserve."""

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from scenes import contact_sheet, images, style
from scenes.archive import Archive
from scenes.contact_sheet import Cell, Section, short

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS, _CELL = 6, 1.6  # pictures a row, and inches a side of one
_PIXELS = 192  # a side, at most


def draw(path: str | Path, table: "pd.DataFrame", archive: Archive, *, count: int, max_pixels: int) -> None:
    """Write the first ``count`` rows of ``table`` (see ``scenes.label_suspects``) as pictures with captions."""
    rows = table.head(count)
    cells = [Cell(_thumbnail(archive, row.key, max_pixels), _caption(row)) for row in rows.itertuples(index=False)]
    figure = contact_sheet.figure(
        [Section(_title(len(rows), len(table)), cells)],
        columns=_COLUMNS,
        cell=_CELL,
        caption=0.68,
        headline="Given label → suggested label, and how much speaks for the given one, from 0 to 1.",
    )
    style.save(figure, path)


def _title(shown: int, total: int) -> str:
    if not total:
        return "No label is in doubt."
    return f"Label suspects: {total:,}" + (f", the first {shown:,} by score" if shown < total else "")


def _caption(row) -> str:
    score = "no score" if row.score != row.score else f"{row.score:.3f}"
    labels = f"{short(row.given_label, 13)} → {short(row.suggested_label, 13)}"
    return f"{labels}\n{score}, {row.reason}\n{short('/'.join(row.key.split('/')[-2:]), 28)}"


def _thumbnail(archive: Archive, key: str, max_pixels: int) -> Image.Image:
    picture = Image.fromarray(images.decode(archive.read(key), max_pixels=max_pixels).pixels)
    picture.thumbnail((_PIXELS, _PIXELS))
    return picture
