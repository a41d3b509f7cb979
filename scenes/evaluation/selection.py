"""Model selection by a score on validation images. The test images play no part in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenes.common.checksum import file_hash
from scenes.common.files import visible
from scenes.common.tables import DECIMALS, rounded
from scenes.evaluation.presence import PresenceCalibration

LOWER_IS_BETTER = frozenset({"crossentropy", "brier_score"})


@dataclass(frozen=True)
class Choice:
    """Which model was chosen, and by how much.

    Attributes:
        name: of the model.
        reason: ``score``, ``cost`` (others are as good within the tolerance, and this one costs least) or ``only``
            (there is no other model).
        margin: its score compared with that of the best other model, positive if it is better; 0 without others.
    """

    name: str
    reason: str
    margin: float


def validation_scores(folder: str | Path, val: Mapping[str, Any], presence: PresenceCalibration) -> dict[str, Any]:
    """Return what selection needs to know of a model.

    Args:
        folder: of the model.
        val: its scores on validation images, see ``scenes.evaluation.metrics.classification``.
        presence: see ``scenes.evaluation.presence.fit``.

    Returns:
        ``sha256``: hashes of the files in the folder, so that a retrained model counts as a different one; ``val``; and
        ``presence``: slope and intercept of each class.
    """
    return {
        "sha256": _hashes(folder),
        "val": val,
        "presence": presence._asdict(),
    }


def _hashes(folder: str | Path) -> dict[str, str]:
    """Return the sha256 of each file in ``folder`` by name."""
    return {path.name: file_hash(path) for path in visible(folder)}


def score(val: Mapping[str, Any], metric: str) -> float:
    """Return ``metric`` of a model as it would run in production: calibrated, if calibration changes it.

    Args:
        val: its scores on validation images, see ``scenes.evaluation.metrics.classification``.
    """
    return val["calibration"]["temperature_scaled"].get(metric, val.get(metric))


def choose(scores: Mapping[str, float], costs: Mapping[str, float], *, metric: str, tolerance: float) -> Choice:
    """Return the cheapest of the models whose score is within ``tolerance`` of the best.

    Args:
        scores: by model, on validation images; at least one.
        costs: by model, in any unit.
        metric: name of the score, which decides whether higher or lower is better.
        tolerance: the largest difference in score that does not count, 0 or more.
    """
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    utility = {name: sign * score for name, score in scores.items()}
    best = max(utility.values())
    # Scores have six decimals; further ones of a difference are rounding errors.
    tied = [name for name in utility if round(best - utility[name], DECIMALS) <= tolerance]
    # Equal costs: the better score, then the first name, so that the order of a file has no effect.
    name = min(tied, key=lambda name: (costs[name], -utility[name], name))
    others = [utility[other] for other in utility if other != name]
    reason = "only" if not others else "score" if len(tied) == 1 else "cost"
    return Choice(name, reason, utility[name] - max(others) if others else 0.0)


def choice_metrics(
    choice: Choice, scores: Mapping[str, float], parameters: Mapping[str, int], *, metric: str
) -> dict[str, Any]:
    """Return the choice and what it was based on as numbers for the metrics.

    Args:
        scores: by model, see :func:`choose`; ``val`` in the metrics.
        parameters: by model, the costs given to :func:`choose`.
    """
    return {
        "model": choice.name,
        "metric": metric,
        "reason": choice.reason,
        "margin": rounded(choice.margin),
        "val": dict(scores),
        "parameters": dict(parameters),
    }


def format_summary(
    choice: Choice, scores: Mapping[str, float], costs: Mapping[str, float], *, metric: str, tolerance: float
) -> str:
    """Return one line on which model was chosen and why.

    Args:
        costs: numbers of parameters.
        scores, metric, tolerance: see :func:`choose`.
    """
    name = choice.name
    text = f"in production: {name}, {metric} {scores[name]:.4f} on validation"
    if choice.reason == "only":
        return f"{text}; there is no other model"
    if choice.reason == "score":
        return f"{text}, {choice.margin:.4f} better than the next"
    return f"{text}, within {tolerance:g} of the best and the smallest of these with {costs[name]:,} parameters"
