"""The features that a trained model's last layers receive.

There is one row for every labelled image, whether the model was trained on it or not.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from scenes.dataset import records
from scenes.models import cnn, store
from scenes.models.features import Features, compile_extractor, compute_features, load_features

_LABELLED_SPLITS = ("train", "val", "test")
_BATCH_SIZE = 64  # images at a time; bounds the memory that their activations take


def load(folder: str | Path, data: str | Path, split: str) -> Features:
    """Return the features of ``split``: for a linear model its input, for a CNN the averages of its last maps.

    A CNN has learned from the labels of the training images, including wrong ones, so its features reflect them.

    Args:
        folder: of the model.
        data: holds what the model learned from, ``records`` or ``features/<set>``.
    """
    description = store.describe(folder)
    source = Path(data) / description["input"]
    if description["kind"] == "linear":
        return load_features(source, split)
    graph = compile_extractor(cnn.penultimate(store.load_network(folder)))
    return compute_features(graph, records.open_records(source, split), batch_size=_BATCH_SIZE, desc=split)


def from_features(folder: str | Path) -> Features:
    """Return the features in ``folder``, of one feature set, for all labelled images."""
    return _concatenate(load_features(folder, split) for split in _LABELLED_SPLITS)


def from_model(folder: str | Path, data: str | Path) -> Features:
    """Return what :func:`load` does for all labelled images."""
    return _concatenate(load(folder, data, split) for split in _LABELLED_SPLITS)


def _concatenate(splits: Iterable[Features]) -> Features:
    parts = list(splits)
    return Features(
        key=np.concatenate([part.key for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        classes=parts[0].classes,
    )
