"""A model's predictions on unlabelled images as a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scenes.evaluation import abstention


def build(
    key: Sequence[str] | np.ndarray,
    probabilities: np.ndarray,
    presence: np.ndarray,
    classes: Sequence[str],
    *,
    unsure_below: float,
) -> pd.DataFrame:
    """Return one row per image, in the given order.

    Args:
        key: (n,), identifies the images: paths in the archive, or file names.
        probabilities: float (n, k), calibrated.
        presence: float (n, k), scores of the second output, see ``scenes.models.store.load``.
        classes: names (k,).
        unsure_below: a threshold of confidence, see ``scenes.evaluation.abstention.threshold``.

    Returns:
        Columns ``key``; ``class``; ``confidence``, see ``scenes.evaluation.abstention.confidence``;
        ``probability_<class>``; ``presence_<class>``; and ``unsure``, bool.
    """
    confidence = abstention.confidence(probabilities)
    columns = {
        "key": list(key),
        "class": np.array(classes)[probabilities.argmax(axis=1)],
        "confidence": confidence,
        **{f"probability_{name}": probabilities[:, index] for index, name in enumerate(classes)},
        **{f"presence_{name}": presence[:, index] for index, name in enumerate(classes)},
        "unsure": confidence < unsure_below,
    }
    return pd.DataFrame(columns)


def format_summary(table: pd.DataFrame) -> str:
    """Return one line: how many images there are, in which classes, and the share that the model is unsure of."""
    if table.empty:
        return "there are no images without a label"
    counts = ", ".join(f"{name} {count:,}" for name, count in table["class"].value_counts().sort_index().items())
    return f"{len(table):,} images without a label: {counts}; unsure of {table['unsure'].mean():.1%}"
