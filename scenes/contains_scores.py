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
    composites of validation images. The photos themselves may contain more than their labels say, so precision is a
    lower bound. ``truth.<name>``: of the test images, where it is known what they contain, as of drawn ones; else this
    part is missing. ``<name>`` is ``softmax``, ``naive`` or ``large_loss_rejection``.

    Args:
        contains_folder: see ``scenes.contains.save``.
        data: the folder that holds ``composites`` and the folder that the model learned from.
    """
    data, kind, classes = Path(data), describe(folder)["input"], describe(folder)["classes"]
    val, test = (_composites(kind, data, split) for split in ("val", "test"))
    truth = composites.load_truth(data / "composites")
    keys, images = _images(kind, data, "test") if truth else ([], test[1][:0])
    inputs = val[1], test[1], images
    scores = _scores(outputs.load_network(folder, contains_folder), np.concatenate(inputs))
    ends = np.cumsum([len(part) for part in inputs])[:-1]
    result = {"composites": {}}
    if truth:
        known = np.array([[name in truth[key] for name in classes] for key in keys])
        result["truth"] = {}
    for output, name in NAMES.items():
        on_val, on_test, on_images = np.split(scores[output], ends)
        limit = contains_metrics.threshold(val[0], on_val)
        result["composites"][name] = contains_metrics.at_threshold(test[0], on_test, limit)
        if truth:
            result["truth"][name] = contains_metrics.average_precision(known, on_images, classes)
    return result


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
