"""The accuracy on corrected test labels, beside the scores, which keep the archive's labels so that they compare.

It is too high where people have looked only at images whose label a model doubts: an answer that equals a wrong label
still counts as right.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.common.tables import rounded
from scenes.dataset.corrections import DROP
from scenes.evaluation import intervals

if TYPE_CHECKING:
    import pandas as pd

    from scenes.evaluation.inference import Predictions


def scores(test: "Predictions", corrections: "pd.DataFrame") -> dict[str, Any]:
    """Return the scores of the test images that are not dropped, by the corrected labels.

    Args:
        test: predictions on all test images.
        corrections: see ``scenes.dataset.corrections``; those of other images do not count.

    Returns:
        ``{"corrected_test": ...}`` with ``count`` of the images scored, how many of them are ``corrected`` to another
        label, how many images are ``dropped``, and ``accuracy`` with ``accuracy_interval`` as in
        ``scenes.evaluation.metrics.classification``. Empty if no test image is corrected, or all are dropped.
    """
    names = np.array(test.classes, object)
    given = names[test.label]
    corrected = dict(zip(corrections["path"], corrections["label"], strict=True))
    labels = np.array([corrected.get(key, label) for key, label in zip(test.key, given, strict=True)], object)
    changed, kept = labels != given, labels != DROP
    if not (changed.any() and kept.any()):
        return {}
    correct = (names[test.predicted] == labels)[kept]
    result = {
        "count": len(correct),
        "corrected": int((changed & kept).sum()),
        "dropped": int((changed & ~kept).sum()),
        "accuracy": correct.mean(),
        "accuracy_interval": intervals.share(int(correct.sum()), len(correct)),
    }
    return {"corrected_test": rounded(result)}


def format_summary(name: str, scores: Mapping[str, Any]) -> list[str]:
    """Return one line on the scores of model ``name``, or none if no test image is corrected.

    Args:
        scores: with what :func:`scores` returns.
    """
    if not (entry := scores.get("corrected_test")):
        return []
    low, high = entry["accuracy_interval"]["low"], entry["accuracy_interval"]["high"]
    changed = f"{entry['corrected']:,} relabelled, {entry['dropped']:,} left out"
    return [f"{name}: accuracy {entry['accuracy']:.4f} [{low:.4f}, {high:.4f}] on corrected test labels ({changed})"]
