"""What scores of "does the photo contain a ...?" are worth."""

from collections.abc import Sequence

import numpy as np

from scenes.rounding import DECIMALS, rounded


def threshold(known: np.ndarray, scores: np.ndarray) -> float:
    """Return the one threshold, for all classes, that gives the best F1 over all pairs of image and class.

    Args:
        known: bool (n, k), what each image contains.
        scores: float (n, k).

    Returns:
        One of the scores, :func:`as_written`; the lowest of those that are equally good. A class counts as found from
        it on.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(known.ravel(), as_written(scores).ravel())
    # The last point is that of a threshold above all scores.
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    return float(thresholds[f1[:-1].argmax()])


def at_threshold(known: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, float]:
    """Return ``threshold``, ``recall``, ``precision`` and ``f1`` over all pairs of image and class (micro averages).

    ``all_found`` is the share of images of which everything known was found.

    Args:
        known: bool (n, k).
        scores: float (n, k).
    """
    from sklearn.metrics import precision_recall_fscore_support

    found = as_written(scores) >= threshold
    precision, recall, f1, _ = precision_recall_fscore_support(known, found, average="micro", zero_division=0.0)
    result = {
        "threshold": threshold,
        "recall": recall,
        "precision": precision,
        "f1": f1,
        "all_found": (found | ~known).all(axis=1).mean(),
    }
    return rounded(result)


def as_written(scores: np.ndarray) -> np.ndarray:
    """Return float64 of six decimals: as files hold them, so that a threshold read from one divides in the same way."""
    return np.round(np.asarray(scores, np.float64), DECIMALS)


def average_precision(known: np.ndarray, scores: np.ndarray, classes: Sequence[str]) -> dict:
    """Return ``mean_average_precision`` and ``per_class.<class>``; a class that no image contains is left out.

    Args:
        known: bool (n, k).
        scores: float (n, k).
    """
    from sklearn.metrics import average_precision_score

    per_class = {
        name: float(average_precision_score(known[:, index], scores[:, index]))
        for index, name in enumerate(classes)
        if known[:, index].any()
    }
    return rounded({"mean_average_precision": sum(per_class.values()) / len(per_class), "per_class": per_class})


def summary(name: str, scores: dict) -> str:
    """Return a line for a person: how model ``name`` finds what is in composites, and in drawn images if there are any.

    Args:
        scores: what ``scenes.contains_scores.evaluate`` returns.
    """
    found = ", ".join(f"{output} {entry['f1']:.4f}" for output, entry in scores["composites"].items())
    text = f"{name}: two classes found in composites, F1: {found}"
    if "truth" in scores:
        found = ", ".join(
            f"{output} {entry['mean_average_precision']:.4f}" for output, entry in scores["truth"].items()
        )
        text += f"; mean average precision: {found}"
    return text
