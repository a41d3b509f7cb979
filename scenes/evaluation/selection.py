"""Choosing one model of several by a score on validation images.

A trained model as `select` weighs it: by its scores on validation images, and by nothing of the test images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenes.common.tables import DECIMALS
from scenes.evaluation import multilabel
from scenes.models import store
from scenes.models.multilabel import PRESENCE

LOWER_IS_BETTER = frozenset({"crossentropy", "brier_score"})


@dataclass(frozen=True)
class Choice:
    """Which model was chosen, and by how much.

    Attributes:
        name: of the model.
        reason: ``score``, ``cost`` (others score as well, and this one takes least) or ``only`` (there is no other).
        margin: its score less that of the best other model, positive where it is better; 0 without another.
    """

    name: str
    reason: str
    margin: float


def score(val: Mapping[str, Any], metric: str) -> float:
    """Return ``metric`` of a model as it would be in production: calibrated, where calibration changes it.

    Args:
        val: its scores on validation, see ``scenes.evaluation.metrics.classification``.
    """
    return val["calibration"]["temperature_scaled"].get(metric, val.get(metric))


def choose(scores: Mapping[str, float], costs: Mapping[str, float], *, metric: str, tolerance: float) -> Choice:
    """Return the model with the best score; of those that come within ``tolerance`` of it, the one that costs least.

    Args:
        scores: by model, on validation images, one at least.
        costs: by model, in any unit.
        metric: the name of the score, which says whether more is better.
        tie: a difference in score that counts as none, as any smaller one does; 0 or more.
    """
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    worth = {name: sign * score for name, score in scores.items()}
    best = max(worth.values())
    # Scores have six decimals, and their difference no more that mean anything.
    tied = [name for name in worth if round(best - worth[name], DECIMALS) <= tolerance]
    # Among equals in cost the better one, and then the first by name: never the order of a file.
    name = min(tied, key=lambda name: (costs[name], -worth[name], name))
    others = [worth[other] for other in worth if other != name]
    reason = "only" if not others else "score" if len(tied) == 1 else "cost"
    return Choice(name, reason, worth[name] - max(others) if others else 0.0)


def format_summary(
    choice: Choice, scores: Mapping[str, float], costs: Mapping[str, float], *, metric: str, tolerance: float
) -> str:
    """Return in words what was chosen and why; the arguments are those of :func:`choose`, ``costs`` in parameters."""
    name = choice.name
    said = f"in production: {name}, {metric} {scores[name]:.4f} on validation"
    if choice.reason == "only":
        return f"{said}; there is no other model"
    if choice.reason == "score":
        return f"{said}, {choice.margin:.4f} better than the next"
    return f"{said}, no more than {tolerance:g} from the best, with {costs[name]:,} parameters the smallest of these"


def validation_scores(
    folder: str | Path, multilabel_folder: str | Path, val: Mapping[str, Any], multilabel_scores: Mapping[str, Any]
) -> dict:
    """Return what is known of a model without the test images.

    Args:
        folder: of the model.
        multilabel_folder: of its second output.
        val: its scores on validation, see ``scenes.evaluation.metrics.classification``.
        multilabel_scores: see ``scenes.evaluation.multilabel.evaluate``.

    Returns:
        ``sha256``: the hashes of the files in both folders, so that another model is another candidate; ``val``; and
        ``presence_above``, the threshold of the second output, which was chosen on composites of validation images.
    """
    return {
        "sha256": {"model": store.hashes(folder), "multilabel": store.hashes(multilabel_folder)},
        "val": val,
        "presence_above": multilabel_scores["val"]["composites"][multilabel.NAMES[PRESENCE]]["threshold"],
    }
