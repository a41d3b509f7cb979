"""Multilabel scores: how well a model tells which classes a photo contains.

The second output of a model is compared with the naive loss and with a threshold on the softmax probabilities.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.backbones.features import load_features
from scenes.common.tables import DECIMALS, rounded
from scenes.dataset import records
from scenes.evaluation import composites, platt
from scenes.models import store
from scenes.models.multilabel import PRESENCE, PRESENCE_NAIVE

if TYPE_CHECKING:
    import keras

# The outputs of a model, and the name of each in the metrics.
METHODS = {"probabilities": "softmax", PRESENCE_NAIVE: "naive", PRESENCE: "large_loss_rejection"}
_BATCH_SIZE = 64  # images; bounds the memory of their activations


def evaluate(folder: str | Path, multilabel_folder: str | Path, data: str | Path) -> dict[str, Any]:
    """Return the multilabel scores of the model in ``folder``.

    Args:
        multilabel_folder: of its second output, see ``scenes.models.multilabel.save``.
        data: the folder that contains what the model learned from (``records`` or ``features/<set>``), the composites
            for it (``composites/records`` or ``composites/features/<set>``) and ``composites/ground_truth.csv``.

    Returns:
        Nested dicts of numbers; ``<method>`` is ``softmax``, ``naive`` or ``large_loss_rejection``.

        - ``composites.<method>``: of composites of test images, see :func:`at_threshold`. The threshold is the best one
          on composites of validation images. Precision and recall are lower bounds: photos may contain more than their
          labels say, and the visible half of a photo need not show its label.
        - ``labels.<method>``: in place of composites if there are none, as with two classes: of the test images, each
          counted as containing its label and nothing else; the threshold is the best one on validation images.
        - ``ground_truth.<method>``: of the test images, at the same threshold and by :func:`average_precision`. Only
          if their ground truth is known, as it is for drawn images.
        - ``val``: the same of validation images, for model selection.
        - ``val.presence_calibration``: see :func:`presence_calibration`.
    """
    data, description = Path(data), store.describe(folder)
    network = store.load_outputs(folder, multilabel_folder)
    ground_truth = composites.load_ground_truth(data / "composites/ground_truth.csv")
    learned_from, classes = description["input"], description["classes"]
    joined = {split: _load_composites(learned_from, data, split) for split in ("val", "test")}
    source = "composites" if all(len(inputs) for _, inputs in joined.values()) else "labels"
    thresholds: dict[str, float] = {}
    result: dict[str, dict[str, Any]] = {}
    for split, (in_composites, inputs) in joined.items():
        present = {source: in_composites}
        images = inputs[:0]
        if ground_truth or source == "labels":
            keys, labels, images = _load_images(learned_from, data, split)
            if source == "labels":
                inputs, present = images[:0], {source: np.eye(len(classes), dtype=bool)[labels]}
            if ground_truth:
                present["ground_truth"] = np.array([[name in ground_truth[key] for name in classes] for key in keys])
        scores = _scores(network, np.concatenate([inputs, images]))
        result[split] = {name: {} for name in present}
        for output, method in METHODS.items():
            on_composites, on_images = np.split(scores[output], [len(inputs)])
            on = {name: on_composites if name == "composites" else on_images for name in present}
            if split == "val":
                thresholds[method] = threshold(present[source], on[source])
            if split == "val" and output == PRESENCE:
                calibration = platt.fit(present[source], on[source])
            for name in present:
                result[split][name][method] = at_threshold(present[name], on[name], thresholds[method])
            if ground_truth:
                precision = average_precision(present["ground_truth"], on_images, classes)
                result[split]["ground_truth"][method].update(precision)
    return {**result["test"], "val": {**result["val"], "presence_calibration": rounded(calibration._asdict())}}


def presence_threshold(scores: Mapping[str, Any]) -> float:
    """Return the score of the second output from which on a photo contains a class, chosen on validation.

    Args:
        scores: see :func:`evaluate`.
    """
    val = scores["val"]
    return val["composites" if "composites" in val else "labels"][METHODS[PRESENCE]]["threshold"]


def presence_calibration(scores: Mapping[str, Any]) -> dict[str, float]:
    """Return the ``slope`` and ``intercept`` that calibrate the second output, see ``scenes.evaluation.platt``.

    Args:
        scores: see :func:`evaluate`.
    """
    return scores["val"]["presence_calibration"]


def threshold(present: np.ndarray, scores: np.ndarray) -> float:
    """Return the threshold for all classes that maximises F1 over all pairs of image and class.

    Args:
        present: bool (n, k), which classes each image contains.
        scores: float (n, k).

    Returns:
        The lowest score, see :func:`round_scores`, that maximises F1; scores >= it count as positive.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(present.ravel(), round_scores(scores).ravel())
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    # The last point of the curve belongs to a threshold above all scores.
    return float(thresholds[f1[:-1].argmax()])


def at_threshold(present: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, float]:
    """Return ``threshold`` and the ``recall``, ``precision`` and ``f1`` over all pairs of image and class.

    ``all_found`` is the share of images whose classes are all found.

    Args:
        present: bool (n, k), which classes each image contains.
        scores: float (n, k).
    """
    from sklearn.metrics import precision_recall_fscore_support

    positive = round_scores(scores) >= threshold
    precision, recall, f1, _ = precision_recall_fscore_support(present, positive, average="micro", zero_division=0.0)
    result = {
        "threshold": threshold,
        "recall": recall,
        "precision": precision,
        "f1": f1,
        "all_found": (positive | ~present).all(axis=1).mean(),
    }
    return rounded(result)


def average_precision(present: np.ndarray, scores: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Return ``mean_average_precision`` and ``per_class.<class>``; a class that no image contains is left out.

    Args:
        present: bool (n, k), which classes each image contains.
        scores: float (n, k).
    """
    from sklearn.metrics import average_precision_score

    per_class = {
        name: float(average_precision_score(present[:, index], scores[:, index]))
        for index, name in enumerate(classes)
        if present[:, index].any()
    }
    return rounded({"mean_average_precision": sum(per_class.values()) / len(per_class), "per_class": per_class})


def round_scores(scores: np.ndarray) -> np.ndarray:
    """Return scores as float64 with six decimals, as in files: a threshold read from a file then divides alike."""
    return np.round(np.asarray(scores, np.float64), DECIMALS)


def format_summary(name: str, scores: dict[str, Any]) -> str:
    """Return one line on how model ``name`` finds the classes in composites or images.

    Args:
        scores: see :func:`evaluate`.
    """
    source = "composites" if "composites" in scores else "labels"
    what = {"composites": "two classes found in composites", "labels": "labels found in test images"}[source]
    f1 = ", ".join(f"{method} {entry['f1']:.4f}" for method, entry in scores[source].items())
    text = f"{name}: {what}, F1: {f1}"
    if "ground_truth" in scores:
        precision = ", ".join(
            f"{method} {entry['mean_average_precision']:.4f}" for method, entry in scores["ground_truth"].items()
        )
        text += f"; mean average precision: {precision}"
    return text


def _load_composites(learned_from: str, data: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return which classes the composites of ``split`` contain, bool (n, k), and the input that a model gets."""
    joined, features = composites.load(data / "composites" / learned_from, split)
    if features is not None:
        return joined.present, features
    if not len(joined.labels):
        return joined.present, np.empty(0)
    return joined.present, composites.images(joined, records.load(records.open_records(data / learned_from, split)))


def _load_images(learned_from: str, data: Path, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the keys of the images of ``split``, str (n,), their labels, int (n,), and the input that a model gets."""
    if learned_from == "records":
        images = records.load(records.open_records(data / learned_from, split))
        return np.char.decode(images["key"]), images["label"], images["image"]
    features = load_features(data / learned_from, split)
    return np.char.decode(features.key), features.label, features.features


def _scores(network: "keras.Model", inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return the outputs of ``network``, called without ``predict``: compiling takes longer than so few images."""
    starts = range(0, len(inputs), _BATCH_SIZE)
    parts = [network(inputs[start : start + _BATCH_SIZE], training=False) for start in starts]
    return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in METHODS}
