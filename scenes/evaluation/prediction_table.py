"""What a model says of images, as a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scenes.evaluation import abstention


def build(
    key: Sequence[str], probabilities: np.ndarray, presence: np.ndarray, classes: Sequence[str], *, unsure_below: float
) -> pd.DataFrame:
    """Return a row per image, in the order given.

    Args:
        key: (n,), what to tell the images by: paths in the archive, or names of files.
        probabilities: float (n, k), calibrated.
        presence: float (n, k), the scores of the second output, see ``scenes.models.store.load_multilabel``.
        classes: names (k,).
        unsure_below: a confidence, see ``scenes.evaluation.abstention.threshold``.

    Returns:
        Columns ``key``; ``class``; ``confidence``, see ``scenes.evaluation.abstention.confidence``; ``probability_<class>``;
        ``presence_<class>``; and ``unsure``, a bool.
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
    """Return a line for a person: how many images there are, of which class, and how many the model is unsure of."""
    if table.empty:
        return "there are no images without a label"
    counts = ", ".join(f"{name} {count:,}" for name, count in table["class"].value_counts().sort_index().items())
    return f"{len(table):,} images without a label: {counts}; unsure of {table['unsure'].mean():.1%}"
