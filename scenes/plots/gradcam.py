"""Grad-CAM heat maps as pictures: which images to explain, and each one beside its overlay."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from scenes.plots import contact_sheet, style
from scenes.plots.contact_sheet import Cell, Section
from scenes.plots.galleries import prediction_caption
from scenes.plots.text import short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_EXAMPLES = 2  # correct and wrong images per class, at most, of each
_CLASSES = 12  # classes on the sheet, at most
_GAP = 0.03  # between an image and its overlay, as a share of the image's width


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return the image in grey under a heat map that is brightest where the heat is 1.

    Args:
        image: uint8 (height, width, 3).
        heat: float (height, width), 0 to 1, see ``scenes.evaluation.gradcam.heat_maps``.

    Returns:
        uint8 (height, width, 3).
    """
    import matplotlib as mpl

    grey = np.asarray(Image.fromarray(image).convert("L"), np.float64)[..., None]
    colours = mpl.colormaps[style.HEAT](heat)[..., :3] * 255
    return np.rint(0.45 * grey + 0.55 * colours).astype(np.uint8)


def select_examples(predictions: "pd.DataFrame") -> "pd.DataFrame":
    """Return the most confident predictions of each true class, some correct and some wrong; ties go by key.

    If there are too many classes for one sheet, those with the most errors are shown.

    Args:
        predictions: ``key,actual,predicted,confidence``.

    Returns:
        Rows of ``predictions``, by true class, the correct ones first.
    """
    import pandas as pd

    wrong = predictions["actual"] != predictions["predicted"]
    errors = wrong.groupby(predictions["actual"]).sum().sort_index().sort_values(ascending=False, kind="stable")
    order = predictions.sort_values(["confidence", "key"], ascending=[False, True])
    parts = [
        order[(order["actual"] == name) & (wrong.reindex(order.index) == is_wrong)].head(_EXAMPLES)
        for name in sorted(errors.index[:_CLASSES])
        for is_wrong in (False, True)
    ]
    return pd.concat(parts, ignore_index=True)


def figure(
    examples: "pd.DataFrame", images: Mapping[str, np.ndarray], heats: Mapping[str, np.ndarray], *, title: str
) -> "Figure":
    """Return a contact sheet with a row for each true class: correct predictions on the left, wrong ones on the right.

    Args:
        examples: see :func:`select_examples`.
        images, heats: by key, see :func:`overlay`.
    """
    sections = []
    for name, rows in examples.groupby("actual", sort=True):
        correct = rows["actual"] == rows["predicted"]
        for part, words in ((rows[correct], "correct"), (rows[~correct], "wrong")):
            cells = [
                Cell(_beside_overlay(images[row.key], heats[row.key]), prediction_caption(row))
                for row in part.itertuples(index=False)
            ]
            sections.append(Section(f"{short(name, 30)}: {words if cells else f'none {words}'}", cells))
    return contact_sheet.figure(
        sections, columns=2 * _EXAMPLES, cell=1.5, aspect=2 + _GAP, caption=0.68, fontsize=9, headline=title
    )


def _beside_overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return the image and its overlay side by side as one picture, with a white gap between them."""
    height, width, channels = image.shape
    gap = np.full((height, round(_GAP * width), channels), 255, np.uint8)
    return np.hstack([image, gap, overlay(image, heat)])
