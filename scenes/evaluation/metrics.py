"""What a classifier's probabilities are worth."""

from collections.abc import Mapping, Sequence

import numpy as np

from scenes.common.tables import rounded
from scenes.evaluation import abstention, calibration, intervals
from scenes.models.temperature import scale

MOST_CONFUSED = 3  # pairs of classes that are told apart worst


def classification(
    labels: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    *,
    temperature: float,
    thresholds: Mapping[str, float],
) -> dict:
    """Return the scores of one set of images as a nested dict of numbers.

    Args:
        labels: int (n,), indices into ``classes``, n > 0.
        probabilities: float64 (n, k), rows sum to 1: the network's own, not calibrated.
        temperature: calibrates them, see ``scenes.models.temperature``; fitted on the validation images.
        thresholds: of calibrated confidence, chosen on the validation images, see ``scenes.evaluation.abstention.thresholds``.

    Returns:
        Of the answers, which calibration does not change:

        - ``count``, ``accuracy`` and its bootstrap 95 % interval ``accuracy_interval.{low,high}``, ``top2_accuracy``,
          ``balanced_accuracy`` (the mean recall of the classes there are), ``macro_f1`` (of the
          classes there are or that are answered),
          ``majority_class_accuracy`` (of answering each time what is most frequent among these images: no constant
          answer does better)
        - ``per_class.<class>.{precision,recall,f1,support}`` (0 where undefined)
        - ``most_confused_pairs.<a>/<b>.errors``: the three pairs of classes with the most errors, both directions together;
          ``merged_pairs.<a>/<b>.accuracy``: were the two one class, the answers otherwise the same

        Of the network's own probabilities:

        - ``crossentropy`` (natural logarithm), ``brier_score`` (squared error summed over the classes: 0 to 2),
          ``calibration.{ece,mce}`` (expected and maximum calibration error)

        Of the calibrated probabilities:

        - ``calibration.temperature`` and ``calibration.temperature_scaled.{ece,mce,crossentropy,brier_score}``
        - ``abstention.precision_{90,95,99}.{confidence,coverage,precision}``: the ``confidence`` from which on that
          share of the *validation* images is answered rightly, whichever images are scored here; what share of these is
          at or above it; and how many of those answers are right. See ``scenes.evaluation.abstention``
    """
    from sklearn import metrics

    every = np.arange(len(classes))
    calibrated = scale(probabilities, temperature)
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0.0
    )
    hardest = most_confused_pairs(confusion_matrix(labels, predicted, len(classes)), classes)[:MOST_CONFUSED]
    result = {
        "count": len(labels),
        "accuracy": right.mean(),
        "accuracy_interval": intervals.mean_interval(right),
        "balanced_accuracy": recall[support > 0].mean(),
        "top2_accuracy": _top2_accuracy(labels, probabilities),
        "macro_f1": metrics.f1_score(labels, predicted, average="macro", zero_division=0.0),
        "majority_class_accuracy": np.bincount(labels).max() / len(labels),
        **_losses(labels, probabilities),
        "calibration": {
            **calibration.errors(labels, probabilities),
            "temperature": temperature,
            "temperature_scaled": {**calibration.errors(labels, calibrated), **_losses(labels, calibrated)},
        },
        "abstention": abstention.scores(labels, calibrated, thresholds),
        "per_class": {
            name: {
                "precision": precision[index],
                "recall": recall[index],
                "f1": f1[index],
                "support": int(support[index]),
            }
            for index, name in enumerate(classes)
        },
        "most_confused_pairs": {f"{a}/{b}": {"errors": errors} for errors, a, b in hardest},
        "merged_pairs": {f"{a}/{b}": {"accuracy": (right.sum() + errors) / len(labels)} for errors, a, b in hardest},
    }
    return rounded(result)


def _top2_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    # What scikit-learn's top_k_accuracy_score does, but that refuses probabilities of two classes.
    # Of equals the first counts, as it does for the answer.
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return float((likeliest == labels[:, None]).any(axis=1).mean())


def _losses(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    every = np.arange(probabilities.shape[1])
    return {
        "crossentropy": metrics.log_loss(labels, probabilities, labels=every),
        "brier_score": metrics.brier_score_loss(labels, probabilities, labels=every, scale_by_half=False),
    }


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return counts (k, k): rows are the true classes, columns the predicted ones."""
    from sklearn import metrics

    return metrics.confusion_matrix(labels, predicted, labels=np.arange(classes))


def most_confused_pairs(matrix: np.ndarray, classes: Sequence[str]) -> list[tuple[int, str, str]]:
    """Return (errors, class, class) for each pair that is confused at all, most errors first, then by name."""
    both = matrix + matrix.T
    pairs = [
        (int(both[i, j]), classes[i], classes[j])
        for i in range(len(classes))
        for j in range(i + 1, len(classes))
        if both[i, j]
    ]
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))


def summary(name: str, scores: dict) -> str:
    """Return three lines for a person: how good model ``name`` is, how well it knows that, what it confuses most."""
    low, high = scores["accuracy_interval"]["low"], scores["accuracy_interval"]["high"]
    calibrated = scores["calibration"]
    pairs = ", ".join(
        f"{pair} ({entry['errors']}; {scores['merged_pairs'][pair]['accuracy']:.4f} if they were one)"
        for pair, entry in scores["most_confused_pairs"].items()
    )
    return (
        f"{name}: test accuracy {scores['accuracy']:.4f} [{low:.4f}, {high:.4f}] on {scores['count']:,} images"
        f" (clean {scores['clean']['accuracy']:.4f}, val {scores['val']['accuracy']:.4f},"
        f" best constant answer {scores['majority_class_accuracy']:.4f}),"
        f" crossentropy {scores['crossentropy']:.4f}\n"
        f"{name}: calibration error {calibrated['ece']:.4f},"
        f" with temperature {calibrated['temperature']:.3f} {calibrated['temperature_scaled']['ece']:.4f};"
        f" {_answered(scores['abstention']['precision_95'])}\n"
        f"{name}: most confused pairs: {pairs or 'none'}"
    )


def _answered(entry: dict[str, float]) -> str:
    if entry["confidence"] == abstention.NEVER:
        return "no confidence gave 95 % right on val"
    return (
        f"from the confidence that gave 95 % right on val ({entry['confidence']:.4f}) on:"
        f" {entry['coverage']:.1%} of the images, {entry['precision']:.4f} right"
    )
