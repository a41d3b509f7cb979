"""A backbone's pooled features, one row an image, computed once and kept.

Running a backbone over all images, once.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scenes.common.errors import InputError
from scenes.dataset import records
from scenes.dataset.records import Records


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


def save(path: str | Path, embeddings: Features) -> None:
    """Write ``features`` as an .npz without pickles. NumPy gives its members a fixed date."""
    np.savez(
        path,
        key=embeddings.key,
        label=embeddings.label,
        features=embeddings.features,
        classes=np.array(embeddings.classes),
    )


def load(folder: str | Path, split: str) -> Features:
    """Read ``<split>.npz`` in ``folder``."""
    with np.load(Path(folder) / f"{split}.npz", allow_pickle=False) as file:
        return Features(file["key"], file["label"], file["features"], tuple(file["classes"].tolist()))


def save_origin(folder: str | Path, origin: dict) -> None:
    """Write beside the features what made them.

    Args:
        origin: what the backbone.json of the weights says, ``image_size`` and ``test_time_flip`` (see
            ``scenes.models.backbone.feature_extractor``), and ``finetuned``: what ``scenes.models.finetuning.describe`` says.
    """
    (Path(folder) / "backbone.json").write_text(json.dumps(origin, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def origin(folder: str | Path) -> dict:
    """Return what :func:`save_origin` wrote into ``folder``."""
    return json.loads((Path(folder) / "backbone.json").read_text(encoding="utf-8"))


def extract(folder: str | Path, embedding, records_folder: str | Path, *, batch_size: int, origin: dict) -> None:
    """Write ``<split>.npz`` for every split of the records, and ``origin``, into an existing ``folder``.

    Args:
        embedding: keras.Model from uint8 images to features, see ``scenes.models.backbone.feature_extractor``.
        batch_size: images at a time, which bounds the memory that their activations take.
        origin: see ``scenes.models.features.save_origin``.

    Raises:
        InputError: see :func:`compute` and :func:`check_informative`.
    """
    embed = compiled(embedding)
    for name in records.splits(records_folder):
        result = compute(embed, records.open_records(records_folder, name), batch_size=batch_size, desc=name)
        if name == "train":
            check_informative(result)
        save(Path(folder) / f"{name}.npz", result)
    save_origin(folder, origin)


def compiled(embedding):
    """Return ``embedding`` as one graph for all splits and sizes of batches; tracing it takes seconds each time."""
    import tensorflow as tf

    signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
    return tf.function(lambda images: embedding(images, training=False), input_signature=signature)


def compute(embed, split: Records, *, batch_size: int, desc: str = "images") -> Features:
    """Run ``features`` over the images of ``split``, with a progress bar.

    Args:
        embed: what :func:`compiled` returns: from uint8 images (batch, h, w, 3) to float32 (batch, d).

    Raises:
        InputError: a feature is not finite, as when a large network with random weights overflows.
    """
    parts = {"key": [], "label": [], "features": []}
    with tqdm(total=split.count, desc=f"embed {desc}", unit="image", disable=None) as bar:
        for batch in records.ordered_batches(split, batch_size):
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
    return Features(
        key=np.concatenate(parts["key"]).astype(bytes),
        label=np.concatenate(parts["label"]),
        features=np.concatenate(parts["features"]).astype(np.float32),
        classes=split.classes,
    )


def features_of(embed, images: np.ndarray, *, batch_size: int) -> np.ndarray:
    """Return the features float32 (n, d) of ``images`` uint8 (n, h, w, 3); ``features`` as in :func:`compute`."""
    starts = range(0, len(images), batch_size)
    return np.concatenate([embed(images[start : start + batch_size]).numpy() for start in starts]).astype(np.float32)


def check_informative(embeddings: Features) -> None:
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
