"""How well a model says what a photo contains, by its second output and, to compare, by its probabilities."""

from pathlib import Path

import numpy as np

from scenes import composites, contains, contains_metrics, embeddings, outputs, records
from scenes.model_folder import describe

# What the metrics call the model's outputs.
NAMES = {"probabilities": "softmax", contains.NAIVE: "naive", contains.CHOSEN: "large_loss_rejection"}
_BATCH_SIZE = 64  # of images; bounds the memory that their activations take


def evaluate(folder: str | Path, contains_folder: str | Path, data: str | Path) -> dict:
    """Return the scores of the model in ``folder`` as a nested dict of numbers.

    ``composites.<name>``: of composites of test images, both classes to be found, at the threshold that is best on
    composites of validation images. The photos may contain more than their labels say, and the half of a photo that is
    there need not show what it was labelled for: precision and recall are both lower bounds.
    ``truth.<name>``: of the test images, at the same threshold and at every other (average precision), where it is
    known what they contain, as of drawn ones; else this part is missing.
    ``val``: both parts of validation images, to choose by. ``<name>`` is ``softmax``, ``naive`` or
    ``large_loss_rejection``.

    Args:
        contains_folder: see ``scenes.contains.save``.
        data: the folder that holds ``composites`` and the folder that the model learned from.
    """
    data, description = Path(data), describe(folder)
    kind, classes = description["input"], description["classes"]
    network, truth = outputs.load_network(folder, contains_folder), composites.load_truth(data / "composites")
    thresholds, result = {}, {}
    for split in ("val", "test"):
        known, inputs = _composites(kind, data, split)
        keys, images = _images(kind, data, split) if truth else ([], inputs[:0])
        scores = _scores(network, np.concatenate([inputs, images]))
        contained = np.array([[name in truth[key] for name in classes] for key in keys])
        result[split] = {"composites": {}, "truth": {}} if truth else {"composites": {}}
        for output, name in NAMES.items():
            on_composites, on_images = np.split(scores[output], [len(inputs)])
            if split == "val":
                thresholds[name] = contains_metrics.threshold(known, on_composites)
            limit = thresholds[name]
            result[split]["composites"][name] = contains_metrics.at_threshold(known, on_composites, limit)
            if truth:
                result[split]["truth"][name] = contains_metrics.at_threshold(contained, on_images, limit)
                result[split]["truth"][name] |= contains_metrics.average_precision(contained, on_images, classes)
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
    features = embeddings.load(data / kind, split)
    return np.char.decode(features.key), features.features
