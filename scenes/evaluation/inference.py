"""Predictions of a trained model on a split of its data."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.backbones.features import load_features
from scenes.common.memory import out_of_memory
from scenes.dataset import records
from scenes.dataset.records import Records
from scenes.evaluation import abstention
from scenes.models import store
from scenes.models.temperature import Calibration, scale

if TYPE_CHECKING:
    import keras
    import pandas as pd

COLUMNS = ("key", "actual", "predicted", "confidence")  # of a table of predictions
BATCH_SIZE = 64  # images; bounds the memory of their activations
_FEATURES_BATCH_SIZE = 1024  # rows of features


@dataclass(frozen=True)
class Predictions:
    """A model's predictions on a set of images.

    Attributes:
        key: str (n,), paths in the archive.
        label: int64 (n,), indices into ``classes``.
        uncalibrated: float64 (n, k), rows sum to 1: the network's own probabilities, which show what calibration does.
        calibration: of the network, see ``scenes.models.temperature``.
        classes: names (k,).
    """

    key: np.ndarray
    label: np.ndarray
    uncalibrated: np.ndarray
    calibration: Calibration
    classes: tuple[str, ...]

    @cached_property
    def probabilities(self) -> np.ndarray:
        """float64 (n, k): the calibrated probabilities, as the model of ``scenes.models.store.load`` returns them."""
        return scale(self.uncalibrated, self.calibration.temperature)

    @property
    def predicted(self) -> np.ndarray:
        """int64 (n,): the most probable class of each image, as an index into ``classes``."""
        return self.probabilities.argmax(axis=1)

    def only(self, keys: Collection[str]) -> "Predictions":
        """Return the predictions for the images in ``keys``."""
        selected = np.isin(self.key, list(keys))
        return replace(
            self, key=self.key[selected], label=self.label[selected], uncalibrated=self.uncalibrated[selected]
        )

    def table(self) -> "pd.DataFrame":
        """Return ``COLUMNS``, which DVC's confusion template reads, sorted by key.

        The confidence is calibrated, see ``scenes.evaluation.abstention.confidence``.
        """
        import pandas as pd

        names, confidence = np.array(self.classes), abstention.confidence(self.probabilities)
        values = self.key, names[self.label], names[self.predicted], confidence
        return pd.DataFrame(dict(zip(COLUMNS, values, strict=True))).sort_values("key", ignore_index=True)


def predict(folder: str | Path, data: str | Path, split: str) -> Predictions:
    """Run the model in ``folder`` over ``split`` of the input it was trained on.

    A linear model reads the cached features, which equal those that the whole model (``scenes.models.store.load``)
    would compute from the images.

    Args:
        data: the folder that contains what the model learned from, ``records`` or ``features/<set>``.
    """
    network, description = store.load_network(folder), store.describe(folder)
    source = Path(data) / description["input"]
    if description["kind"] == "linear":
        features = load_features(source, split)
        key, label, classes = np.char.decode(features.key), features.label, features.classes
        outputs = network.predict(features.features, batch_size=_FEATURES_BATCH_SIZE, verbose=0)
    else:
        images = records.open_records(source, split)
        classes = images.classes
        key, label, outputs = predict_records(network, images)
    # Rows of float32 sum to 1 only up to rounding, about which scikit-learn warns.
    probabilities = outputs.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    calibration = Calibration(description["temperature"], description["calibrated"])
    return Predictions(key, label, probabilities, calibration, classes)


def predict_records(network: "keras.Model", source: Records) -> tuple[np.ndarray, np.ndarray, Any]:
    """Run a network over all images of a split.

    Args:
        network: from uint8 images (batch, height, width, 3) to (batch, k), or to a dict of such outputs.

    Returns:
        Keys str (n,), labels int64 (n,), and the outputs, float32 (n, k) or a dict of such arrays, in the order of the
        records.
    """
    import keras

    keys, labels, outputs = [], [], []
    with out_of_memory(f"in predictions of {BATCH_SIZE} images at a time; lower image_size, or free the device"):
        for batch in records.ordered_batches(source, BATCH_SIZE):
            keys.append(batch["key"].numpy())
            labels.append(batch["label"].numpy())
            outputs.append(network.predict_on_batch(batch["image"]))
    joined = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *outputs)
    return np.char.decode(np.concatenate(keys).astype(bytes)), np.concatenate(labels), joined
