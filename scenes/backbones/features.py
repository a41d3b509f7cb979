"""A backbone's pooled features, one row an image: computed once over all records, and kept as .npz files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from scenes.backbones.backbone import DESCRIPTION
from scenes.common.arrays import load_arrays
from scenes.common.description import read_description
from scenes.common.errors import InputError
from scenes.common.memory import out_of_memory
from scenes.common.outputs import damaged
from scenes.dataset import records
from scenes.dataset.records import Records

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Features:
    """Features of one split, in the order of its records.

    Attributes:
        key: bytes (n,), paths in the archive.
        label: int64 (n,), indices into ``classes``; -1 for images without a label.
        features: float32 (n, d).
        classes: class names (k,).
    """

    key: np.ndarray
    label: np.ndarray
    features: np.ndarray
    classes: tuple[str, ...]


def extract_features(
    folder: str | Path,
    extractor: "keras.Model",
    records_folder: str | Path,
    *,
    batch_size: int,
) -> None:
    """Write ``<split>.npz`` for every split of the records into an existing ``folder``.

    Args:
        extractor: from uint8 images to features, see ``scenes.backbones.backbone.feature_extractor``.
        batch_size: images at a time; bounds the memory that their activations take.

    Raises:
        InputError: see :func:`compute_features` and :func:`check_informative`.
    """
    graph = compile_extractor(extractor)
    for name in records.splits(records_folder):
        split = records.open_records(records_folder, name)
        features = compute_features(graph, split, batch_size=batch_size, desc=name)
        if name == "train":
            check_informative(features)
        save_features(Path(folder) / f"{name}.npz", features)


def describe_features(folder: str | Path) -> dict[str, Any]:
    """Return how the features in ``folder`` were computed.

    That is backbone.json, see ``scenes.backbones.backbone.save``.

    Raises:
        InputError: backbone.json is missing or damaged.
    """
    return read_description(Path(folder) / DESCRIPTION, "backbone", ("sha256",))


def save_features(path: str | Path, features: Features) -> None:
    """Write ``features`` as an .npz file without pickles. NumPy gives its members a fixed date."""
    np.savez(
        path,
        key=features.key,
        label=features.label,
        features=features.features,
        classes=np.array(features.classes),
    )


def load_features(folder: str | Path, split: str) -> Features:
    """Read ``<split>.npz`` in ``folder``.

    Raises:
        InputError: the file is missing or damaged, or its arrays do not fit together.
    """
    path = Path(folder) / f"{split}.npz"
    arrays = load_arrays(path)
    if arrays.keys() != {"key", "label", "features", "classes"}:
        raise damaged(path, "it has other arrays")
    key, label, features = arrays["key"], arrays["label"], arrays["features"]
    if key.shape != label.shape or features.ndim != 2 or label.shape != features.shape[:1]:
        raise damaged(path, "its arrays have other shapes")
    if (key.dtype.kind, label.dtype, features.dtype) != ("S", np.int64, np.float32):
        raise damaged(path, "its arrays have other types")
    if not ((label >= -1) & (label < len(arrays["classes"]))).all():
        raise damaged(path, "it has a label without a class")
    return Features(key, label, features, tuple(arrays["classes"].tolist()))


def load_labelled_features(folder: str | Path) -> Features:
    """Return the features in ``folder`` of all labelled images: those of train, val and test, one after the other."""
    parts = [load_features(folder, split) for split in ("train", "val", "test")]
    return Features(
        key=np.concatenate([part.key for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        classes=parts[0].classes,
    )


def compile_extractor(extractor: "keras.Model") -> Callable[[Any], Any]:
    """Return ``extractor`` as one graph for all splits and batch sizes; tracing takes seconds each time."""
    import tensorflow as tf

    signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
    return tf.function(lambda images: extractor(images, training=False), input_signature=signature)


def compute_features(graph: Callable[[Any], Any], split: Records, *, batch_size: int, desc: str = "images") -> Features:
    """Return the features of all images of ``split``, with a progress bar.

    Args:
        graph: from uint8 images (batch, h, w, 3) to float32 (batch, d), see :func:`compile_extractor`.

    Raises:
        InputError: a feature is not finite, as when a large network with random weights overflows; or memory runs out.
    """
    parts: dict[str, list[np.ndarray]] = {"key": [], "label": [], "features": []}
    bar = tqdm(total=split.count, desc=f"features of {desc}", unit="image", disable=None)
    with bar, out_of_memory(_advice(batch_size)):
        for batch in records.ordered_batches(split, batch_size):
            features = graph(batch["image"]).numpy()
            if not np.isfinite(features).all():
                raise InputError(
                    "the backbone gives features that are not finite; with random weights use a smaller backbone "
                    "(EfficientNetLite0), otherwise check the weights file"
                )
            parts["key"].append(batch["key"].numpy())
            parts["label"].append(batch["label"].numpy())
            parts["features"].append(features)
            bar.update(len(features))
    return Features(
        key=np.concatenate(parts["key"]).astype(bytes),
        label=np.concatenate(parts["label"]),
        features=np.concatenate(parts["features"]).astype(np.float32),
        classes=split.classes,
    )


def features_of(graph: Callable[[Any], Any], images: np.ndarray, *, batch_size: int) -> np.ndarray:
    """Return the features float32 (n, d) of ``images`` uint8 (n, h, w, 3); ``graph`` as in :func:`compute_features`."""
    if not len(images):  # one black image gives the width; TensorFlow's batch normalisation fails on an empty batch
        black = np.zeros((1, *images.shape[1:]), np.uint8)
        return features_of(graph, black, batch_size=1)[:0]
    starts = range(0, len(images), batch_size)
    with out_of_memory(_advice(batch_size)):
        parts = [graph(images[start : start + batch_size]).numpy() for start in starts]
    return np.concatenate(parts).astype(np.float32)


def _advice(batch_size: int) -> str:
    return f"in features, with batch_size {batch_size}; lower features.batch_size, or image_size of the feature set"


def check_informative(features: Features) -> None:
    """Refuse features that do not distinguish one image from another.

    Raises:
        InputError: every feature has the same value, up to float32's precision, on all images.
    """
    spread = features.features.std(axis=0, dtype=np.float64)
    scale = np.abs(features.features).max(axis=0)
    if (spread <= 1e-5 * scale).all():
        raise InputError(
            "the backbone gives the same features for every image; with random weights use a smaller backbone "
            "(EfficientNetLite0), otherwise check the weights file"
        )
