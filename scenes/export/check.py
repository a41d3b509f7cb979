"""The production model in formats that other programs read, each checked against the Keras model."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.common.errors import InputError
from scenes.common.tables import rounded, write_json
from scenes.export import graph, litert, onnx, saved_model

if TYPE_CHECKING:
    import keras

# The path of each format in the folder. TensorFlow Serving expects folders of versions, whose names are numbers.
PATHS = {"saved_model": "saved_model/1", "litert": "model.tflite", "onnx": "model.onnx"}
_PIXEL_FORMATS = {"litert": litert, "onnx": onnx}  # take pixels only, no image files
BATCH_SIZE = 32  # images; bounds the memory of their activations


def save(folder: str | Path, formats: Collection[str], network: "keras.Model", description: dict[str, Any]) -> None:
    """Write ``network`` into an existing folder in each of ``formats``; equal models give equal bytes.

    model.json in the same folder holds the description and, under ``formats``, the ``path`` of each format.

    Args:
        formats: keys of ``PATHS``.
        network: from uint8 images (batch, height, width, 3), see ``scenes.models.store.load``.
        description: see ``scenes.models.store.save_production``.
    """
    folder, shape = Path(folder), description["image_shape"]
    if "saved_model" in formats:
        (folder / PATHS["saved_model"]).mkdir(parents=True)
        options = {name: description[name] for name in ("classes", "image_shape", "fit")}
        saved_model.save(folder / PATHS["saved_model"], network, **options)
    if _PIXEL_FORMATS.keys() & set(formats):
        traced = graph.trace_pixels(network, shape)
    for name in [name for name in _PIXEL_FORMATS if name in formats]:
        _PIXEL_FORMATS[name].save(folder / PATHS[name], traced)
    write_json(folder / "model.json", {**description, "formats": {name: {"path": PATHS[name]} for name in formats}})


def load(folder: str | Path, name: str, *, threads: int) -> Callable[[Any], dict[str, np.ndarray]]:
    """Return the model in one format as a function to a dict of arrays (n, classes): ``probabilities``, ``presence``.

    A SavedModel takes a list of image files, the other formats uint8 (n, height, width, 3).

    Args:
        name: a key of ``PATHS``.
        threads: of LiteRT and ONNX Runtime; those of TensorFlow are already configured.
    """
    path = Path(folder) / PATHS[name]
    if name == "saved_model":
        return saved_model.load(path)
    return _PIXEL_FORMATS[name].load(path, threads=threads)


def measure(
    folder: str | Path,
    name: str,
    network: "keras.Model",
    images: "Sequence[bytes] | np.ndarray",
    expected: dict[str, np.ndarray],
    *,
    tolerance: float,
    threads: int,
) -> dict[str, Any]:
    """Return the size of one format, and how far its outputs are from those of the Keras model, for the metrics.

    How much rounding to float16 changes the outputs depends on the model. Where it is more than the tolerance, LiteRT's
    file is written again with float32 weights.

    Args:
        folder: see :func:`save`.
        name: a key of ``PATHS``.
        network: see :func:`save`.
        images: as the format takes them, see :func:`load`.
        expected: the outputs of ``network`` for them, see :func:`compare`.
        tolerance: the largest difference allowed in a probability or score.
        threads: see :func:`load`.

    Raises:
        InputError: see :func:`compare`.
    """

    def compared() -> dict[str, Any]:
        return compare(name, in_batches(load(folder, name, threads=threads), images), expected, tolerance=tolerance)

    try:
        result = compared()
    except InputError:
        if name != "litert":
            raise
        print(
            f"litert: float16 weights differ by more than export.tolerance.litert ({tolerance:g}): written as float32"
        )
        pixels = np.asarray(images)
        litert.save(Path(folder) / PATHS[name], graph.trace_pixels(network, pixels.shape[1:]), float16=False)
        result = compared()
    return {"bytes": size(folder, name), **result}


def in_batches(
    predict: Callable[[Any], dict[str, np.ndarray]], images: "Sequence[bytes] | np.ndarray"
) -> dict[str, np.ndarray]:
    """Return the outputs of ``predict`` for all ``images``, computed ``BATCH_SIZE`` at a time."""
    parts = [predict(images[start : start + BATCH_SIZE]) for start in range(0, len(images), BATCH_SIZE)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def compare(
    name: str, exported: dict[str, np.ndarray], expected: dict[str, np.ndarray], *, tolerance: float
) -> dict[str, Any]:
    """Return how far the outputs of one format are from those of the Keras model, as numbers for the metrics.

    Two outputs within the tolerance can differ in class only if the Keras model gives both classes probabilities within
    twice the tolerance.

    Args:
        name: of the format, for the message.
        exported, expected: float (n, classes) under ``probabilities`` and ``presence``.
        tolerance: the largest difference allowed in a probability or score.

    Raises:
        InputError: a difference is larger than the tolerance, or not a number.
    """
    outputs = "probabilities", "presence"
    largest = {key: float(np.abs(exported[key] - expected[key]).max()) for key in outputs}
    classes = [result["probabilities"].argmax(axis=1) for result in (exported, expected)]
    same = int((classes[0] == classes[1]).sum())
    for key, difference in largest.items():
        if not difference <= tolerance:  # also refuses nan
            raise InputError(
                f"{name} and the Keras model differ by up to {difference:.2g} in {key} and agree on the class of "
                f"{same} of {len(classes[0])} test images; export.tolerance.{name} allows {tolerance:g}: "
                f"raise it, or leave {name} out of export.formats"
            )
    return rounded({"images": len(classes[0]), "same_class": same, "largest_difference": largest})


def size(folder: str | Path, name: str) -> int:
    """Return the size of one format in bytes."""
    path = Path(folder) / PATHS[name]
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def format_summary(name: str, metrics: dict[str, Any]) -> str:
    """Return one line on one format."""
    differences = ", ".join(f"{value:.6f} in {key}" for key, value in metrics["largest_difference"].items())
    return (
        f"{name}: {metrics['bytes']:,} bytes; the Keras model's class for {metrics['same_class']} of "
        f"{metrics['images']} test images, largest difference {differences}"
    )
