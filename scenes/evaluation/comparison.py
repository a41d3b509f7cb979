"""Two classifiers on the same images: whether one is better, or luck will do.

Both see the same images, so only those count on which just one of them is right: two models of equal accuracy may
differ on many images, and two intervals of accuracy that overlap may still hide a clear difference.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from scenes.common.errors import InputError
from scenes.common.tables import rounded
from scenes.evaluation import intervals


def right_answers(folder: str | Path, models: Iterable[str]) -> pd.DataFrame:
    """Return bool: a row an image (the index is its key), a column a model, sorted both ways.

    Args:
        folder: holds ``<model>.csv`` for each of ``models``, see ``scenes.evaluation.inference.Predictions.table``.

    Raises:
        InputError: the files are not of the same images with the same labels.
    """
    first, *others = sorted(models)
    tables = {name: _read(Path(folder) / f"{name}.csv") for name in (first, *others)}
    for other in others:
        if not tables[first]["actual"].equals(tables[other]["actual"]):
            raise InputError(f"the predictions of {first} and {other} are not of the same images; run `dvc repro`")
    return pd.DataFrame({name: table["actual"] == table["predicted"] for name, table in tables.items()})


def _read(path: Path) -> pd.DataFrame:
    # As text: a class may be called NA or 007.
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8").set_index("key").sort_index()


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p-value of the exact test that both models are right equally often.

    If they are, the images on which just one is right fall to either like tosses of a coin.

    Args:
        only_a, only_b: images on which just the one, or just the other, is right.

    Source: McNemar 1947, https://doi.org/10.1007/BF02295996; for comparing classifiers Dietterich 1998,
    https://doi.org/10.1162/089976698300017197.
    """
    from scipy.stats import binomtest

    # Models that are right on the same images give no evidence at all.
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def pair(a: np.ndarray, b: np.ndarray) -> dict:
    """Return how two models do on the same images.

    Args:
        a, b: bool (n,), whether each answer is right, n > 0.

    Returns:
        ``both_right``, ``only_a``, ``only_b`` (just the one is right) and ``both_wrong``: numbers of images that sum to
        ``count``; ``accuracy_difference``: accuracy of a less that of b, with its 95 % interval
        ``accuracy_difference_interval.{low,high}`` (images resampled, both answers to each together); and
        ``mcnemar_p``, see :func:`mcnemar`, not adjusted for the number of pairs that are looked at.
    """
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    difference = a.astype(int) - b.astype(int)
    result = {
        "count": len(a),
        "both_right": int((a & b).sum()),
        "only_a": only_a,
        "only_b": only_b,
        "both_wrong": int((~a & ~b).sum()),
        "accuracy_difference": difference.mean(),
        "accuracy_difference_interval": intervals.mean_interval(difference),
    }
    # A small p keeps its digits, where six decimals would leave 0.
    return rounded(result) | {"mcnemar_p": float(f"{mcnemar(only_a, only_b):.6g}")}


def pairs(right: pd.DataFrame) -> dict[str, dict]:
    """Return :func:`pair` for every two models, as ``<a>/<b>``.

    Args:
        right: what :func:`right_answers` returns, or some of its rows.
    """
    return {f"{a}/{b}": pair(right[a].to_numpy(), right[b].to_numpy()) for a, b in combinations(right.columns, 2)}


def format_summary(scores: Mapping[str, dict]) -> str:
    """Return a line for a person on each pair of models.

    Args:
        scores: what :func:`pairs` returns.
    """
    lines = [
        f"{name}: {entry['accuracy_difference']:+.4f} accuracy"
        f" [{entry['accuracy_difference_interval']['low']:+.4f}, {entry['accuracy_difference_interval']['high']:+.4f}],"
        f" just one right on {entry['only_a']:,} / {entry['only_b']:,} of {entry['count']:,} images,"
        f" McNemar p {entry['mcnemar_p']:.4g}"
        for name, entry in scores.items()
    ]
    return "\n".join(lines) or "one model only: there is nothing to compare"
