"""What the classifier of a trained model, its last layers, is fed with: the features that it sees of an image.

One row of features for every labelled image, whether it was trained on or not.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from scenes.dataset import records
from scenes.models import cnn, features, store
from scenes.models import features as models_features
from scenes.models.features import Features
from scenes.models.store import describe

_BATCH_SIZE = 64  # images at a time; bounds the memory that their activations take


def load(folder: str | Path, data: str | Path, split: str) -> Features:
    """Return the features of ``split``: of a head those of its backbone, of a CNN the averages over its last maps.

    Args:
        folder: of the model. A CNN has learned from the labels of the training images, wrong ones included, and so
            have its features.
        data: the folder that holds what the model learned from, ``records`` or ``features``.
    """
    description = describe(folder)
    source = Path(data) / description["input"]
    if description["kind"] == "head":
        return features.load(source, split)
    embed = features.compiled(cnn.penultimate(store.load_network(folder)))
    return features.compute(embed, records.open_records(source, split), batch_size=_BATCH_SIZE, desc=split)


SPLITS = ("train", "val", "test")


def from_features(folder: str | Path) -> Features:
    """Return the backbone's features in ``folder``."""
    return _concatenate(models_features.load(folder, split) for split in SPLITS)


def from_model(folder: str | Path, data: str | Path) -> Features:
    """Return what the classifier of the model in ``folder`` is fed with, see ``scenes.models.classifier_features.load``."""
    return _concatenate(load(folder, data, split) for split in SPLITS)


def _concatenate(parts: Iterable[Features]) -> Features:
    parts = list(parts)
    key, label, features = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("key", "label", "features")
    )
    return Features(key, label, features, parts[0].classes)
