"""A backbone's pooled features, one row an image, computed once and kept."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scenes.errors import InputError


@dataclass(frozen=True)
class Embeddings:
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


def compiled(backbone):
    """Return ``backbone`` as one graph for all splits and sizes of batches; tracing it takes seconds each time."""
    import tensorflow as tf

    signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
    return tf.function(lambda images: backbone(images, training=False), input_signature=signature)


def compute(embed, batches, *, count: int, classes: tuple[str, ...], desc: str) -> Embeddings:
    """Run ``embed`` over ``batches`` of dicts ``key``, ``image``, ``label`` (see scenes.records.ordered_batches).

    Args:
        embed: what :func:`compiled` returns: from uint8 images (batch, h, w, 3) to float32 (batch, d).
        count: images in all, for the progress bar.

    Raises:
        InputError: a feature is not finite, as when a large network with random weights overflows.
    """
    parts = {"key": [], "label": [], "features": []}
    with tqdm(total=count, desc=desc, unit="image", disable=None) as bar:
        for batch in batches:
            features = embed(batch["image"]).numpy()
            if not np.isfinite(features).all():
                raise InputError(
                    "the backbone gives features that are not finite; with random weights take a smaller backbone "
                    "(EfficientNetV2B0), else check the weights file"
                )
            for name, values in (("key", batch["key"].numpy()), ("label", batch["label"].numpy())):
                parts[name].append(values)
            parts["features"].append(features)
            bar.update(len(features))
    return Embeddings(
        key=np.concatenate(parts["key"]).astype(bytes),
        label=np.concatenate(parts["label"]),
        features=np.concatenate(parts["features"]).astype(np.float32),
        classes=classes,
    )


def check_informative(embeddings: Embeddings) -> None:
    """Refuse features that tell no image from another.

    Raises:
        InputError: every feature has the same value, up to float32's precision, on all images.
    """
    spread = embeddings.features.std(axis=0, dtype=np.float64)
    scale = np.abs(embeddings.features).max(axis=0)
    if (spread <= 1e-5 * scale).all():
        raise InputError(
            "the backbone gives the same features for every image; with random weights take a smaller backbone "
            "(EfficientNetV2B0), else check the weights file"
        )


def save(path: str | Path, embeddings: Embeddings) -> None:
    """Write ``embeddings`` as an .npz without pickles. NumPy gives its members a fixed date."""
    np.savez(
        path,
        key=embeddings.key,
        label=embeddings.label,
        features=embeddings.features,
        classes=np.array(embeddings.classes),
    )


def load(folder: str | Path, split: str) -> Embeddings:
    """Read ``<split>.npz`` in ``folder``."""
    with np.load(Path(folder) / f"{split}.npz", allow_pickle=False) as file:
        return Embeddings(file["key"], file["label"], file["features"], tuple(file["classes"].tolist()))


def save_origin(folder: str | Path, origin: dict) -> None:
    """Write beside the features which backbone made them: what backbone.json says, and the ``image_size`` it saw."""
    (Path(folder) / "backbone.json").write_text(json.dumps(origin, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def origin(folder: str | Path) -> dict:
    """Return what :func:`save_origin` wrote into ``folder``."""
    return json.loads((Path(folder) / "backbone.json").read_text(encoding="utf-8"))
