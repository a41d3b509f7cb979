"""Paired comparison of two classifiers: whether their difference in accuracy on the same images is more than chance.

Only images that exactly one of the two gets right tell them apart. Two models of equal accuracy may differ on many
images, and two overlapping intervals of accuracy may still hide a clear difference.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.common.errors import InputError
from scenes.common.tables import read_csv, rounded
from scenes.evaluation import intervals

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("key", "actual", "predicted")


def correct_answers(folder: str | Path, models: Iterable[str]) -> "pd.DataFrame":
    """Return whether each answer is correct, bool: one row per image, indexed by key, and one column per model.

    Rows and columns are sorted. A model without predictions is left out: its feature set is not enabled.

    Args:
        folder: contains ``<model>.csv`` for each of ``models``, see ``scenes.evaluation.inference.Predictions.table``.

    Raises:
        InputError: a file is missing or damaged, or the files differ in their images or labels.
    """
    import pandas as pd

    tables = {name: read_csv(Path(folder) / f"{name}.csv", columns=_COLUMNS) for name in sorted(models)}
    tables = {name: table.set_index("key").sort_index() for name, table in tables.items()}
    tables = {name: table for name, table in tables.items() if len(table)}
    first, *others = tables
    for other in others:
        if not tables[first]["actual"].equals(tables[other]["actual"]):
            raise InputError(f"the predictions of {first} and {other} cover different images; run `dvc repro`")
    return pd.DataFrame({name: table["actual"] == table["predicted"] for name, table in tables.items()})


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p-value of the exact test of whether both models are right equally often.

    If they are, an image that exactly one of them gets right is equally likely to be either model's.

    Args:
        only_a, only_b: images that only one model, or only the other, gets right.

    Source: McNemar 1947, https://doi.org/10.1007/BF02295996; for comparing classifiers Dietterich 1998,
    https://doi.org/10.1162/089976698300017197.
    """
    from scipy.stats import binomtest

    # Models that are right on the same images give no evidence.
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def pair(a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """Compare two models on the same images.

    Args:
        a, b: bool (n,), whether each answer is correct, n > 0.

    Returns:
        ``both_right``, ``only_a``, ``only_b`` and ``both_wrong``: numbers of images that sum to ``count``;
        ``accuracy_difference``: accuracy of a minus accuracy of b, with its 95 % interval
        ``accuracy_difference_interval.{low,high}``, see ``scenes.evaluation.intervals.paired_difference``; and
        ``mcnemar_p``, see :func:`mcnemar`, not adjusted for the number of pairs compared.
    """
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    result = {
        "count": len(a),
        "both_right": int((a & b).sum()),
        "only_a": only_a,
        "only_b": only_b,
        "both_wrong": int((~a & ~b).sum()),
        "accuracy_difference": (only_a - only_b) / len(a),
        "accuracy_difference_interval": intervals.paired_difference(only_a, only_b, len(a)),
    }
    # Significant digits, not decimals: a small p must not become 0.
    return rounded(result) | {"mcnemar_p": float(f"{mcnemar(only_a, only_b):.6g}")}


def pairs(correct: "pd.DataFrame") -> dict[str, dict[str, Any]]:
    """Return :func:`pair` for every two models, by ``<a>/<b>``.

    Args:
        correct: see :func:`correct_answers`; all rows or some of them.
    """
    return {f"{a}/{b}": pair(correct[a].to_numpy(), correct[b].to_numpy()) for a, b in combinations(correct.columns, 2)}


def format_summary(scores: Mapping[str, dict[str, Any]]) -> str:
    """Return one line for each pair of models.

    Args:
        scores: see :func:`pairs`.
    """
    lines = [
        f"{name}: {entry['accuracy_difference']:+.4f} accuracy"
        f" [{entry['accuracy_difference_interval']['low']:+.4f}, {entry['accuracy_difference_interval']['high']:+.4f}],"
        f" only one right on {entry['only_a']:,} / {entry['only_b']:,} of {entry['count']:,} images,"
        f" McNemar p {entry['mcnemar_p']:.4g}"
        for name, entry in scores.items()
    ]
    return "\n".join(lines) or "there is only one model: nothing to compare"
