"""Scores of a classifier from its probabilities."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.common.errors import InputError
from scenes.common.tables import rounded
from scenes.common.words import count
from scenes.evaluation import abstention, intervals
from scenes.evaluation.calibration import errors as calibration_errors
from scenes.models.temperature import MIN_IMAGES, Calibration, scale

if TYPE_CHECKING:
    from scenes.evaluation.inference import Predictions

MOST_CONFUSED = 3  # pairs of classes in the metrics
# In metrics/<model>.json. DVC shows them of all models in one table, which fits 120 columns.
HEADLINES = ("val_accuracy", "val_crossentropy", "test_accuracy", "test_accuracy_low", "test_accuracy_high")


def evaluate(test: "Predictions", clean: "Predictions", val: "Predictions") -> dict[str, Any]:
    """Return the scores of one model: those of the test images, and below ``clean`` and ``val`` those of the others.

    Thresholds of confidence are chosen on the validation images, see ``scenes.evaluation.abstention``.

    Args:
        test: predictions on all test images.
        clean: on the test images without duplicates, see ``scenes.audit.audit_table.clean_test``.
        val: on the validation images.

    Returns:
        See :func:`classification`.

    Raises:
        InputError: no test image is clean.
    """
    if not len(clean.key):
        raise InputError(
            "no test image is clean: each has a duplicate among the training images or under another label; "
            "correct the archive (plots/audit shows the duplicates)"
        )
    thresholds = abstention.thresholds(val.label, val.probabilities)
    test_scores, clean_scores, val_scores = (
        classification(
            images.label, images.uncalibrated, images.classes, calibration=images.calibration, thresholds=thresholds
        )
        for images in (test, clean, val)
    )
    return {**test_scores, "clean": clean_scores, "val": val_scores}


def classification(
    labels: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    *,
    calibration: Calibration,
    thresholds: Mapping[str, float | None],
) -> dict[str, Any]:
    """Return the scores of one set of images as nested dicts of numbers.

    Args:
        labels: int (n,), indices into ``classes``, n > 0.
        probabilities: float64 (n, k), rows sum to 1: the network's own, not calibrated.
        calibration: of the network, by the validation images.
        thresholds: of calibrated confidence, chosen on the validation images, see
            ``scenes.evaluation.abstention.thresholds``.

    Returns:
        Scores of the predicted classes, which calibration does not change:

        - ``count``; ``accuracy`` and its 95 % interval ``accuracy_interval.{low,high}``, see
          ``scenes.evaluation.intervals.share``; ``top2_accuracy``; ``balanced_accuracy`` and ``min_recall``, the mean
          and the lowest recall of the classes that occur;
          ``macro_f1``, over the classes that occur or are predicted; ``majority_class_accuracy``, of predicting the
          most frequent class of these images every time, the best constant answer
        - ``per_class.<class>.{precision,recall,f1,support}``, 0 if undefined, and ``recall_interval``, None if the
          class does not occur
        - ``most_confused_pairs.<a>/<b>.errors``: the three pairs of classes with the most errors, in both directions;
          ``merged_pairs.<a>/<b>.accuracy``: the accuracy if the two were one class

        Scores of the network's own probabilities:

        - ``crossentropy`` (natural logarithm), ``brier_score`` (squared error summed over the classes, 0 to 2),
          ``calibration.{ece,ece_floor,mce}`` (expected and maximum calibration error, and the expected one of a
          perfectly calibrated model, see ``scenes.evaluation.calibration.noise_floor``)

        Scores of the calibrated probabilities:

        - ``calibration.calibrated``: 1, or 0 if the network is not calibrated and the temperature is 1
        - ``calibration.temperature`` and
          ``calibration.temperature_scaled.{ece,ece_floor,mce,crossentropy,crossentropy_interval,brier_score}``, the
          interval by a bootstrap stratified by class, see ``scenes.evaluation.intervals.stratified_mean``
        - ``abstention.precision_{90,95,99}.{confidence,coverage,precision,precision_interval}``: the threshold of
          ``confidence`` that promises this precision, chosen on the *validation* images, the share of these images at
          or above it, and the share of correct answers among those; None without a threshold, see
          ``scenes.evaluation.abstention.scores``
    """
    from sklearn import metrics

    every = np.arange(len(classes))
    calibrated = scale(probabilities, calibration.temperature)
    predicted = probabilities.argmax(axis=1)
    correct = predicted == labels
    recognised = np.bincount(labels[correct], minlength=len(classes))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0.0
    )
    confused = most_confused_pairs(confusion_matrix(labels, predicted, len(classes)), classes)[:MOST_CONFUSED]
    result = {
        "count": len(labels),
        "accuracy": correct.mean(),
        "accuracy_interval": intervals.share(correct.sum(), len(labels)),
        "balanced_accuracy": recall[support > 0].mean(),
        "min_recall": recall[support > 0].min(),
        "top2_accuracy": _top2_accuracy(labels, probabilities),
        "macro_f1": metrics.f1_score(labels, predicted, average="macro", zero_division=0.0),
        "majority_class_accuracy": np.bincount(labels).max() / len(labels),
        **_losses(labels, probabilities),
        "calibration": {
            **calibration_errors(labels, probabilities),
            "calibrated": int(calibration.calibrated),
            "temperature": calibration.temperature,
            "temperature_scaled": {
                **calibration_errors(labels, calibrated),
                **_losses(labels, calibrated),
                "crossentropy_interval": intervals.stratified_mean(_crossentropies(labels, calibrated), labels),
            },
        },
        "abstention": abstention.scores(labels, calibrated, thresholds),
        "per_class": {
            name: {
                "precision": precision[index],
                "recall": recall[index],
                "recall_interval": intervals.share(recognised[index], support[index]) if support[index] else None,
                "f1": f1[index],
                "support": int(support[index]),
            }
            for index, name in enumerate(classes)
        },
        "most_confused_pairs": {f"{a}/{b}": {"errors": errors} for errors, a, b in confused},
        "merged_pairs": {f"{a}/{b}": {"accuracy": (correct.sum() + errors) / len(labels)} for errors, a, b in confused},
    }
    return rounded(result)


def _top2_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    # scikit-learn's top_k_accuracy_score refuses two classes. Ties go to the first class, as argmax does.
    two_best = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return float((two_best == labels[:, None]).any(axis=1).mean())


def _losses(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    every = np.arange(probabilities.shape[1])
    return {
        "crossentropy": metrics.log_loss(labels, probabilities, labels=every),
        "brier_score": metrics.brier_score_loss(labels, probabilities, labels=every, scale_by_half=False),
    }


def _crossentropies(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the crossentropy of each image, limited as in scikit-learn's log_loss, float64 (n,)."""
    return -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], np.finfo(probabilities.dtype).eps))


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return counts (k, k): rows are the true classes, columns the predicted ones."""
    from sklearn import metrics

    return metrics.confusion_matrix(labels, predicted, labels=np.arange(classes))


def most_confused_pairs(matrix: np.ndarray, classes: Sequence[str]) -> list[tuple[int, str, str]]:
    """Return (errors, class, class) for each pair of classes with errors, most errors first, then by name."""
    both = np.triu(matrix + matrix.T, k=1)
    pairs = [(int(both[i, j]), classes[i], classes[j]) for i, j in np.argwhere(both)]
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))


def headlines(scores: Mapping[str, Any]) -> dict[str, float]:
    """Return the few scores of a model that DVC shows and compares.

    Args:
        scores: see :func:`evaluate`.

    Returns:
        The scores by ``HEADLINES``: those on validation, by which models and settings are chosen, and the test accuracy
        with the ends of its 95 % interval. The crossentropy is that of the calibrated probabilities.
    """
    val, interval = scores["val"], scores["accuracy_interval"]
    crossentropy = val["calibration"]["temperature_scaled"]["crossentropy"]
    values = (val["accuracy"], crossentropy, scores["accuracy"], interval["low"], interval["high"])
    return dict(zip(HEADLINES, values, strict=True))


def format_summary(name: str, scores: dict[str, Any]) -> str:
    """Return four lines on model ``name``: its accuracy, its worst class, its calibration and its most confused pairs.

    Args:
        scores: see :func:`evaluate`.
    """
    low, high = scores["accuracy_interval"]["low"], scores["accuracy_interval"]["high"]
    worst, entry = worst_class(scores["per_class"])
    recall = entry["recall_interval"]
    pairs = ", ".join(
        f"{pair} ({both['errors']}; {scores['merged_pairs'][pair]['accuracy']:.4f} if merged)"
        for pair, both in scores["most_confused_pairs"].items()
    )
    return (
        f"{name}: test accuracy {scores['accuracy']:.4f} [{low:.4f}, {high:.4f}] on {scores['count']:,} images"
        f" (clean {scores['clean']['accuracy']:.4f}, val {scores['val']['accuracy']:.4f},"
        f" best constant answer {scores['majority_class_accuracy']:.4f}),"
        f" crossentropy {scores['crossentropy']:.4f}\n"
        f"{name}: balanced accuracy {scores['balanced_accuracy']:.4f};"
        f" worst class: {worst}, recall {entry['recall']:.4f} [{recall['low']:.4f}, {recall['high']:.4f}]"
        f" on {entry['support']:,} images\n"
        f"{name}: {_format_calibration(scores['calibration'], scores['val']['count'])};"
        f" {_format_abstention(scores['abstention'], scores['val']['count'])}\n"
        f"{name}: most confused pairs: {pairs or 'none'}"
    )


def worst_class(per_class: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """Return the name and the scores of the class of lowest recall among those that occur; of equals the first by name.

    Args:
        per_class: see :func:`classification`.
    """
    occurring = [(scores["recall"], name) for name, scores in per_class.items() if scores["support"]]
    _, name = min(occurring)
    return name, per_class[name]


def why_uncalibrated(images: int) -> str:
    """Return why a model is not calibrated, see ``scenes.models.temperature.calibrate``.

    Args:
        images: number of validation images.
    """
    if images < MIN_IMAGES:
        return f"{count(images, 'validation image')}, fewer than the {MIN_IMAGES} that a temperature needs"
    return f"{count(images, 'validation image')} show no gain"


def _format_calibration(entry: Mapping[str, Any], images: int) -> str:
    scaled = entry["temperature_scaled"]
    floor = f"{scaled['ece_floor']:.4f} of a perfectly calibrated model on as many images"
    if not entry["calibrated"]:
        return f"calibration error {scaled['ece']:.4f} ({floor}), not calibrated: {why_uncalibrated(images)}"
    return (
        f"calibration error {entry['ece']:.4f},"
        f" with temperature {entry['temperature']:.3f} {scaled['ece']:.4f} ({floor})"
    )


def _format_abstention(levels: Mapping[str, Mapping[str, Any]], images: int) -> str:
    name = "precision_95"
    entry = levels[name]
    if entry["confidence"] is None:
        return abstention.why_no_threshold(name, images)
    said = f"95 % promised from a confidence of {entry['confidence']:.4f}: {entry['coverage']:.1%} of images answered"
    if entry["precision"] is None:
        return said
    low, high = (entry["precision_interval"][end] for end in ("low", "high"))
    verdict = abstention.verdict(name, entry)
    return f"{said}, {entry['precision']:.4f} [{low:.4f}, {high:.4f}] of them right: {verdict}"
