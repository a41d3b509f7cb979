"""What a classifier's probabilities are worth."""

from collections.abc import Sequence

import numpy as np

ECE_BINS = 15


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = ECE_BINS) -> float:
    """Return the mean gap between confidence and accuracy, over equal-width bins of confidence, weighted by size.

    Args:
        labels: int (n,).
        probabilities: float (n, k), rows sum to 1.

    Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, equation 3.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    # Bins are open on the left, as in the paper; a confidence is never 0.
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(bin_of, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def classification(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> dict:
    """Return the scores of one set of images as a nested dict of numbers.

    Args:
        labels: int (n,), indices into ``classes``, n > 0.
        probabilities: float (n, k), rows sum to 1.

    Returns:
        ``count``, ``accuracy``, ``crossentropy`` (natural logarithm), ``top2_accuracy``, ``macro_f1``,
        ``majority_class_accuracy`` (of always answering the most frequent class), ``calibration.ece``,
        ``per_class.<class>.{precision,recall,f1,support}`` (0 where undefined), and ``hardest_pairs.<a>/<b>.errors``:
        the three pairs of classes with the most errors, both directions together.
    """
    from sklearn import metrics

    every = np.arange(len(classes))
    # float32 rows sum to 1 but for rounding, which scikit-learn warns of.
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0.0
    )
    result = {
        "count": len(labels),
        "accuracy": metrics.accuracy_score(labels, predicted),
        "crossentropy": metrics.log_loss(labels, probabilities, labels=every),
        "top2_accuracy": metrics.top_k_accuracy_score(labels, probabilities, k=2, labels=every),
        "macro_f1": f1.mean(),
        "majority_class_accuracy": np.bincount(labels).max() / len(labels),
        "calibration": {"ece": expected_calibration_error(labels, probabilities)},
        "per_class": {
            name: {
                "precision": precision[index],
                "recall": recall[index],
                "f1": f1[index],
                "support": int(support[index]),
            }
            for index, name in enumerate(classes)
        },
        "hardest_pairs": {
            f"{first}/{second}": {"errors": errors}
            for errors, first, second in hardest_pairs(confusion_matrix(labels, predicted, len(classes)), classes)[:3]
        },
    }
    return _rounded(result)


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return counts (k, k): rows are the true classes, columns the predicted ones."""
    from sklearn import metrics

    return metrics.confusion_matrix(labels, predicted, labels=np.arange(classes))


def hardest_pairs(matrix: np.ndarray, classes: Sequence[str]) -> list[tuple[int, str, str]]:
    """Return (errors, class, class) for each pair that is confused at all, most errors first, then by name."""
    both = matrix + matrix.T
    pairs = [
        (int(both[i, j]), classes[i], classes[j])
        for i in range(len(classes))
        for j in range(i + 1, len(classes))
        if both[i, j]
    ]
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))


def _rounded(value):
    """Plain numbers with six decimals: beyond that, `dvc metrics diff` would only show noise."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value if isinstance(value, int) else round(float(value), 6)


def summary(name: str, scores: dict) -> str:
    """Return two lines for a person: the scores of model ``name`` and what it confuses most."""
    pairs = ", ".join(f"{pair} ({entry['errors']})" for pair, entry in scores["hardest_pairs"].items())
    return (
        f"{name}: test accuracy {scores['accuracy']:.4f} on {scores['count']:,} images"
        f" (clean {scores['clean']['accuracy']:.4f}, val {scores['val']['accuracy']:.4f},"
        f" always the largest class {scores['majority_class_accuracy']:.4f}),"
        f" crossentropy {scores['crossentropy']:.4f}\n"
        f"{name}: hardest pairs: {pairs or 'none'}"
    )
