"""A backbone's pooled features, one row an image, computed once and kept."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


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
    """Write beside the features what made them.

    Args:
        origin: what the backbone.json of the weights says, ``image_size`` and ``views`` (see
            ``scenes.backbone.embedding``), and ``finetuned``: what ``scenes.finetuning.describe`` says.
    """
    (Path(folder) / "backbone.json").write_text(json.dumps(origin, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def origin(folder: str | Path) -> dict:
    """Return what :func:`save_origin` wrote into ``folder``."""
    return json.loads((Path(folder) / "backbone.json").read_text(encoding="utf-8"))
