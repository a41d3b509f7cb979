"""One row of features for every labelled image, whether it was trained on or not."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from scenes import classifier_inputs, embeddings
from scenes.embeddings import Embeddings

SPLITS = ("train", "val", "test")


def from_embeddings(folder: str | Path) -> Embeddings:
    """Return the backbone's features in ``folder``."""
    return _joined(embeddings.load(folder, split) for split in SPLITS)


def from_model(folder: str | Path, data: str | Path) -> Embeddings:
    """Return what the classifier of the model in ``folder`` is fed with, see ``scenes.classifier_inputs.load``."""
    return _joined(classifier_inputs.load(folder, data, split) for split in SPLITS)


def _joined(parts: Iterable[Embeddings]) -> Embeddings:
    parts = list(parts)
    key, label, features = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("key", "label", "features")
    )
    return Embeddings(key, label, features, parts[0].classes)
