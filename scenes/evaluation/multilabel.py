"""What scores of "does the photo contain a ...?" are worth.

How well a model says what a photo contains, by its second output and, to compare, by its probabilities.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scenes.common.tables import DECIMALS, rounded
from scenes.dataset import records
from scenes.evaluation import composites
from scenes.models import features as models_features
from scenes.models import multilabel, store
from scenes.models.store import describe


def threshold(known: np.ndarray, scores: np.ndarray) -> float:
    """Return the one threshold, for all classes, that gives the best F1 over all pairs of image and class.

    Args:
        known: bool (n, k), what each image contains.
        scores: float (n, k).

    Returns:
        One of the scores, :func:`as_written`; the lowest of those that are equally good. A class counts as found from
        it on.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(known.ravel(), as_written(scores).ravel())
    # The last point is that of a threshold above all scores.
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    return float(thresholds[f1[:-1].argmax()])


def at_threshold(known: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, float]:
    """Return ``threshold``, ``recall``, ``precision`` and ``f1`` over all pairs of image and class (micro averages).

    ``all_found`` is the share of images of which everything known was found.

    Args:
        known: bool (n, k).
        scores: float (n, k).
    """
    from sklearn.metrics import precision_recall_fscore_support

    found = as_written(scores) >= threshold
    precision, recall, f1, _ = precision_recall_fscore_support(known, found, average="micro", zero_division=0.0)
    result = {
        "threshold": threshold,
        "recall": recall,
        "precision": precision,
        "f1": f1,
        "all_found": (found | ~known).all(axis=1).mean(),
    }
    return rounded(result)


def as_written(scores: np.ndarray) -> np.ndarray:
    """Return float64 of six decimals: as files hold them, so that a threshold read from one divides in the same way."""
    return np.round(np.asarray(scores, np.float64), DECIMALS)


def average_precision(known: np.ndarray, scores: np.ndarray, classes: Sequence[str]) -> dict:
    """Return ``mean_average_precision`` and ``per_class.<class>``; a class that no image contains is left out.

    Args:
        known: bool (n, k).
        scores: float (n, k).
    """
    from sklearn.metrics import average_precision_score

    per_class = {
        name: float(average_precision_score(known[:, index], scores[:, index]))
        for index, name in enumerate(classes)
        if known[:, index].any()
    }
    return rounded({"mean_average_precision": sum(per_class.values()) / len(per_class), "per_class": per_class})


def format_summary(name: str, scores: dict) -> str:
    """Return a line for a person: how model ``name`` finds what is in composites, and in drawn images if there are any.

    Args:
        scores: what ``scenes.evaluation.multilabel.evaluate`` returns.
    """
    found = ", ".join(f"{output} {entry['f1']:.4f}" for output, entry in scores["composites"].items())
    text = f"{name}: two classes found in composites, F1: {found}"
    if "ground_truth" in scores:
        found = ", ".join(
            f"{output} {entry['mean_average_precision']:.4f}" for output, entry in scores["ground_truth"].items()
        )
        text += f"; mean average precision: {found}"
    return text


# What the metrics call the model's outputs.
NAMES = {"probabilities": "softmax", multilabel.PRESENCE_NAIVE: "naive", multilabel.PRESENCE: "large_loss_rejection"}
_BATCH_SIZE = 64  # of images; bounds the memory that their activations take


def evaluate(folder: str | Path, multilabel_folder: str | Path, data: str | Path) -> dict:
    """Return the scores of the model in ``folder`` as a nested dict of numbers.

    ``composites.<name>``: of composites of test images, both classes to be found, at the threshold that is best on
    composites of validation images. The photos may contain more than their labels say, and the half of a photo that is
    there need not show what it was labelled for: precision and recall are both lower bounds.
    ``ground_truth.<name>``: of the test images, at the same threshold and at every other (average precision), where it is
    known what they contain, as of drawn ones; else this part is missing.
    ``val``: both parts of validation images, to choose by. ``<name>`` is ``softmax``, ``naive`` or
    ``large_loss_rejection``.

    Args:
        multilabel_folder: see ``scenes.models.multilabel.save``.
        data: the folder that holds ``composites`` and the folder that the model learned from.
    """
    data, description = Path(data), describe(folder)
    kind, classes = description["input"], description["classes"]
    network, truth = (
        store.load_multilabel_network(folder, multilabel_folder),
        composites.load_ground_truth(data / "composites"),
    )
    thresholds, result = {}, {}
    for split in ("val", "test"):
        known, inputs = _composites(kind, data, split)
        keys, images = _images(kind, data, split) if truth else ([], inputs[:0])
        scores = _scores(network, np.concatenate([inputs, images]))
        contained = np.array([[name in truth[key] for name in classes] for key in keys])
        result[split] = {"composites": {}, "ground_truth": {}} if truth else {"composites": {}}
        for output, name in NAMES.items():
            on_composites, on_images = np.split(scores[output], [len(inputs)])
            if split == "val":
                thresholds[name] = threshold(known, on_composites)
            limit = thresholds[name]
            result[split]["composites"][name] = at_threshold(known, on_composites, limit)
            if truth:
                result[split]["ground_truth"][name] = at_threshold(contained, on_images, limit)
                result[split]["ground_truth"][name] |= average_precision(contained, on_images, classes)
    return {**result["test"], "val": result["val"]}


def _composites(kind: str, data: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what the composites of ``split`` are known to contain, bool (n, k), and what a model is fed of them."""
    joined, inputs = composites.load(data / "composites" / kind, split)
    if kind == "records":
        inputs = composites.images(joined, records.load(records.open_records(data / kind, split)))
    return joined.known, inputs


def _scores(network, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return what ``network`` says of ``inputs``: called as it is, as to compile it takes longer than so few images."""
    starts = range(0, len(inputs), _BATCH_SIZE)
    parts = [network(inputs[start : start + _BATCH_SIZE], training=False) for start in starts]
    return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in NAMES}


def _images(kind: str, data: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys str (n,) of the images of ``split``, and what a model is fed of them."""
    if kind == "records":
        images = records.load(records.open_records(data / kind, split))
        return np.char.decode(images["key"]), images["image"]
    features = models_features.load(data / kind, split)
    return np.char.decode(features.key), features.features
