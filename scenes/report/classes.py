"""What the report says about each class: its scores, and what it is taken for."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 30  # rows of a table with a row per class; the other classes are in the files that the page names
MATRIX = 12  # classes at most whose confusion matrix is a table; of more, its picture is shown


def table(
    scores: Mapping[str, Mapping[str, Any]], images: Mapping[str, Mapping[str, int]], answers: "pd.DataFrame"
) -> list[dict[str, Any]]:
    """Return a row per class, or of many classes those of the lowest recall, the lowest first.

    Args:
        scores: ``precision``, ``recall``, ``f1`` and ``support``, the number of test images, by class.
        images: their number by class and split.
        answers: ``actual`` and ``predicted``, a row per test image.

    Returns:
        ``name``, ``train``, ``taken_for`` (the other class that is predicted most often; '' if none is) and the scores.
    """
    wrong = answers[answers["actual"] != answers["predicted"]]
    pairs = wrong.value_counts(["actual", "predicted"]).reset_index()
    pairs = pairs.sort_values(["count", "predicted"], ascending=[False, True]).drop_duplicates("actual")
    taken_for = dict(zip(pairs["actual"], pairs["predicted"], strict=True))
    # Without test images the recall is undefined, and the class comes last.
    names = sorted(scores, key=lambda name: (not scores[name]["support"], scores[name]["recall"], name))
    return [
        {"name": name, "train": images[name]["train"], "taken_for": taken_for.get(name, ""), **scores[name]}
        for name in names[:SHOWN]
    ]


def confusion(answers: "pd.DataFrame", classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return the confusion matrix of at most ``MATRIX`` classes; of more, nothing.

    Args:
        answers: see :func:`table`.

    Returns:
        A row per actual class: its ``name``, and its ``cells`` with ``share`` and ``images`` of each predicted class.
    """
    import pandas as pd

    if len(classes) > MATRIX:
        return []
    counts = pd.crosstab(answers["actual"], answers["predicted"])
    counts = counts.reindex(index=list(classes), columns=list(classes), fill_value=0)
    return [
        {"name": name, "cells": [{"share": images / max(row.sum(), 1), "images": int(images)} for images in row]}
        for name, row in counts.iterrows()
    ]
