"""A model's predictions on unlabelled images as a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scenes.evaluation import abstention, novelty

_SHOWN = 12  # classes in the summary, the most frequent ones


def build(
    key: Sequence[str] | np.ndarray,
    probabilities: np.ndarray,
    presence: np.ndarray,
    classes: Sequence[str],
    *,
    unsure_below: float | None,
    drawn: bool,
    distance: np.ndarray | None = None,
    unlike_above: float | None = None,
) -> pd.DataFrame:
    """Return one row per image, in the given order.

    Args:
        key: (n,), identifies the images: paths in the archive, or file names.
        probabilities: float (n, k), calibrated.
        presence: float (n, k), how probably an image contains each class, see ``scenes.evaluation.presence``.
        classes: names (k,).
        unsure_below: a threshold of confidence, see ``scenes.evaluation.abstention.threshold``; None: there is none.
        drawn: whether the model learned from drawings.
        distance: float (n,), to the nearest training image, see ``scenes.models.training_distance``; None: not known.
        unlike_above: see ``scenes.evaluation.novelty.threshold``; None: there is none.

    Returns:
        Columns ``key``; ``class``; ``confidence``, see ``scenes.evaluation.abstention.confidence``;
        ``probability_<class>``; ``presence_<class>``; ``unsure``, bool; ``learned_from_drawings``, bool; and, if the
        distance is known, ``distance`` and ``unlike_training``, bool. ``unsure`` and ``unlike_training`` are None in
        all rows if there is no threshold.
    """
    confidence = abstention.confidence(probabilities)
    columns = {
        "key": list(key),
        "class": np.array(classes)[probabilities.argmax(axis=1)],
        "confidence": confidence,
        **{f"probability_{name}": probabilities[:, index] for index, name in enumerate(classes)},
        **{f"presence_{name}": presence[:, index] for index, name in enumerate(classes)},
        "unsure": None if unsure_below is None else confidence < unsure_below,
        "learned_from_drawings": drawn,
    }
    if distance is not None:
        unlike = None if unlike_above is None else novelty.unlike(distance, unlike_above)
        columns |= {"distance": distance, "unlike_training": unlike}
    return pd.DataFrame(columns)


def format_summary(table: pd.DataFrame, *, unsure_below: float | None, calibrated: bool = True) -> str:
    """Return one line: how many images there are, in which classes, and the shares that the model is unsure of and that
    are unlike the training images.

    Args:
        table: see :func:`build`.
        unsure_below: see :func:`build`.
        calibrated: whether the model is, see ``scenes.models.temperature``.
    """
    if table.empty:
        return "there are no images without a label"
    counts = sorted(table["class"].value_counts().items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} {count:,}" for name, count in sorted(counts[:_SHOWN]))
    others = f" and {len(counts) - _SHOWN:,} other classes" if len(counts) > _SHOWN else ""
    how = "" if calibrated else " (its confidence is not calibrated)"
    unsure = abstention.NO_PROMISE if unsure_below is None else f"unsure of {table['unsure'].mean():.1%}"
    unlike = ""
    if "unlike_training" in table and table["unlike_training"].notna().all():
        unlike = f"; unlike the training images: {table['unlike_training'].mean():.1%}"
    return f"{len(table):,} images without a label: {shown}{others}; {unsure}{how}{unlike}"
