"""The model in production in formats that other programs read, each held against the Keras model."""

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from scenes.common.errors import InputError
from scenes.common.tables import rounded
from scenes.export import graph as export_graph
from scenes.export import litert, onnx, saved_model

# By format, where it stands in the folder. TensorFlow Serving wants folders of versions, whose names are numbers.
PATHS = {"saved_model": "saved_model/1", "litert": "model.tflite", "onnx": "model.onnx"}
_OF_PIXELS = {"litert": litert, "onnx": onnx}  # which take no image files
BATCH_SIZE = 32  # of images; bounds the memory that their activations take


def save(folder: str | Path, formats: Collection[str], network, description: dict) -> None:
    """Write ``network`` into an existing folder in each of ``formats``; equal models give equal bytes.

    Beside them stands model.json: the description, and under ``formats`` by name the ``path`` of each.

    Args:
        formats: keys of ``PATHS``.
        network: keras.Model from uint8 images (batch, height, width, 3), see ``scenes.models.store.load_multilabel``.
        description: see ``scenes.models.store.save_production``.
    """
    folder, shape = Path(folder), description["image_shape"]
    if "saved_model" in formats:
        (folder / PATHS["saved_model"]).mkdir(parents=True)
        saved_model.save(folder / PATHS["saved_model"], network, classes=description["classes"], image_shape=shape)
    if _OF_PIXELS.keys() & set(formats):
        graph = export_graph.trace_pixels(network, shape)
    for name in [name for name in _OF_PIXELS if name in formats]:
        _OF_PIXELS[name].save(folder / PATHS[name], graph)
    files = {name: {"path": PATHS[name]} for name in formats}
    text = json.dumps({**description, "formats": files}, indent=2, sort_keys=True)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def load(folder: str | Path, name: str, *, threads: int) -> Callable:
    """Return the model in one format as a function to a dict of arrays (n, classes): ``probabilities``, ``presence``.

    A SavedModel takes a list of image files, the others uint8 (n, height, width, 3).

    Args:
        name: a key of ``PATHS``.
        threads: of LiteRT and ONNX Runtime; those of TensorFlow are set already.
    """
    path = Path(folder) / PATHS[name]
    if name == "saved_model":
        return saved_model.load(path)
    return _OF_PIXELS[name].load(path, threads=threads)


def in_batches(predict: Callable, images: Sequence) -> dict[str, np.ndarray]:
    """Return what ``predict`` says of all ``images``, ``BATCH_SIZE`` at a time."""
    parts = [predict(images[start : start + BATCH_SIZE]) for start in range(0, len(images), BATCH_SIZE)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def compare(name: str, found: dict, expected: dict, *, tolerance: float) -> dict:
    """Return how far one format's answers are from the Keras model's, as numbers for the metrics.

    Two answers within the tolerance can name different classes only where the Keras model itself has these within
    twice the tolerance of each other.

    Args:
        name: of the format, for the message.
        found, expected: float (n, classes) under ``probabilities`` and ``presence``.
        tolerance: the largest difference of a probability or score that is allowed.

    Raises:
        InputError: a difference is larger than the tolerance, or not a number.
    """
    outputs = "probabilities", "presence"
    largest = {key: float(np.abs(found[key] - expected[key]).max()) for key in outputs}
    classes = [answers["probabilities"].argmax(axis=1) for answers in (found, expected)]
    same = int((classes[0] == classes[1]).sum())
    for key, difference in largest.items():
        if not difference <= tolerance:  # so that nan is refused as well
            raise InputError(
                f"{name} and the Keras model differ by up to {difference:.2g} in {key} and agree on the class of "
                f"{same} of {len(classes[0])} test images; export.tolerance.{name} allows {tolerance:g}: "
                f"raise it, or leave {name} out of export.formats"
            )
    return rounded({"images": len(classes[0]), "same_class": same, "largest_difference": largest})


def size(folder: str | Path, name: str) -> int:
    """Return the bytes that one format takes."""
    path = Path(folder) / PATHS[name]
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def summary(name: str, metrics: dict) -> str:
    """Return one line on one format."""
    differences = ", ".join(f"{value:.6f} in {key}" for key, value in metrics["largest_difference"].items())
    return (
        f"{name}: {metrics['bytes']:,} bytes; the Keras model's class for {metrics['same_class']} of "
        f"{metrics['images']} test images, at most {differences} away from it"
    )
