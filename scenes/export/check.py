"""The production model in formats that other programs read, each checked against the Keras model."""

import io
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from scenes.common.errors import InputError
from scenes.common.files import visible
from scenes.common.tables import rounded, write_json
from scenes.export import graph, litert, onnx, saved_model

if TYPE_CHECKING:
    import keras

# The path of each format in the folder. TensorFlow Serving expects folders of versions, whose names are numbers.
PATHS = {"saved_model": "saved_model/1", "litert": "model.tflite", "onnx": "model.onnx"}
_PIXEL_FORMATS = {"litert": litert, "onnx": onnx}  # take pixels only, no image files
BATCH_SIZE = 32  # images; bounds the memory of their activations
# Height and width of a photo, as multiples of those of the model. At twice its size, many sums are halves.
_PHOTO_SCALES = ((2, 2), (0.7, 0.6), (1.3, 3.1), (4.7, 1.9))


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
    """Return the model in one format as a function to a dict of ``probabilities``, float32 (n, classes).

    A SavedModel takes a list of image files, the other formats uint8 (n, height, width, 3).

    Args:
        name: a key of ``PATHS``.
        threads: of LiteRT and ONNX Runtime; those of TensorFlow are already configured.
    """
    path = Path(folder) / PATHS[name]
    if name == "saved_model":
        return saved_model.load(path)
    return _PIXEL_FORMATS[name].load(path, threads=threads)


def photos(images: np.ndarray) -> list[bytes]:
    """Return each image at another size and shape, as the file of a photo, in turn JPEG and PNG.

    Args:
        images: uint8 (n, height, width, 3).
    """
    files = []
    for number, image in enumerate(images):
        scale = _PHOTO_SCALES[number // 2 % len(_PHOTO_SCALES)]
        height, width = (round(side * factor) for side, factor in zip(image.shape, scale, strict=False))
        stream = io.BytesIO()
        Image.fromarray(image).resize((width, height)).save(stream, ("JPEG", "PNG")[number % 2])
        files.append(stream.getvalue())
    return files


def measure(
    folder: str | Path,
    name: str,
    images: "Sequence[bytes] | np.ndarray",
    expected: np.ndarray,
    *,
    tolerance: float,
    threads: int,
) -> dict[str, Any]:
    """Return the size of one format, and how far its answers are from those of the Keras model, for the metrics.

    Args:
        folder: see :func:`save`.
        name: a key of ``PATHS``.
        images: as the format takes them, see :func:`load`.
        expected: the probabilities that the Keras model gives them, float (n, classes).
        tolerance: the largest difference allowed in a probability.
        threads: see :func:`load`.

    Raises:
        InputError: see :func:`compare`.
    """
    predict = load(folder, name, threads=threads)
    exported = in_batches(lambda batch: predict(batch)["probabilities"], images)
    return {"bytes": size(folder, name), **compare(name, exported, expected, tolerance=tolerance)}


def in_batches(predict: Callable[[Any], np.ndarray], images: "Sequence[bytes] | np.ndarray") -> np.ndarray:
    """Return the outputs of ``predict`` for all ``images``, computed ``BATCH_SIZE`` at a time."""
    starts = range(0, len(images), BATCH_SIZE)
    return np.concatenate([predict(images[start : start + BATCH_SIZE]) for start in starts])


def compare(name: str, exported: np.ndarray, expected: np.ndarray, *, tolerance: float) -> dict[str, Any]:
    """Return how far the probabilities of one format are from those of the Keras model, for the metrics.

    Two outputs within the tolerance can differ in class only if the Keras model gives both classes probabilities within
    twice the tolerance.

    Args:
        name: of the format, for the message.
        exported, expected: float (n, classes).
        tolerance: the largest difference allowed.

    Raises:
        InputError: a difference is larger than the tolerance, or not a number.
    """
    difference = float(np.abs(exported - expected).max())
    same = int((exported.argmax(axis=1) == expected.argmax(axis=1)).sum())
    if not difference <= tolerance:  # also refuses nan
        raise InputError(
            f"the probabilities of {name} and the Keras model differ by up to {difference:.2g}, and the class of "
            f"{same} of {len(expected)} images is the same; export.tolerance allows {tolerance:g}: raise it, or leave "
            f"{name} out of export.formats"
        )
    return rounded({"images": len(expected), "same_class": same, "largest_difference": difference})


def size(folder: str | Path, name: str) -> int:
    """Return the size of one format in bytes."""
    path = Path(folder) / PATHS[name]
    files = [path] if path.is_file() else [file for file in visible(path, "**/*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def format_summary(name: str, metrics: dict[str, Any]) -> str:
    """Return one line on one format."""
    return (
        f"{name}: {metrics['bytes']:,} bytes; the Keras model's class for {metrics['same_class']} of "
        f"{metrics['images']} images, largest difference of a probability {metrics['largest_difference']:.6f}"
    )
