"""A model's predictions on unlabelled images as a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scenes.evaluation import abstention

_SHOWN = 12  # classes in the summary, the most frequent ones


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


def format_summary(table: pd.DataFrame, *, calibrated: bool = True) -> str:
    """Return one line: how many images there are, in which classes, and the share that the model is unsure of.

    Args:
        table: see :func:`build`.
        calibrated: whether the model is, see ``scenes.models.temperature``.
    """
    if table.empty:
        return "there are no images without a label"
    counts = sorted(table["class"].value_counts().items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} {count:,}" for name, count in sorted(counts[:_SHOWN]))
    others = f" and {len(counts) - _SHOWN:,} other classes" if len(counts) > _SHOWN else ""
    how = "" if calibrated else " (its confidence is not calibrated)"
    unsure = f"unsure of {table['unsure'].mean():.1%}{how}"
    return f"{len(table):,} images without a label: {shown}{others}; {unsure}"
