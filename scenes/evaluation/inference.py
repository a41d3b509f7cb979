"""Applying a trained model to a split of the data it was made for."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from scenes.dataset import records
from scenes.dataset.records import Records
from scenes.evaluation import abstention
from scenes.models import features, store
from scenes.models import temperature as models_temperature
from scenes.models.store import describe

BATCH_SIZE = 64  # of images; bounds the memory that their activations take


@dataclass(frozen=True)
class Predictions:
    """What a model says of a set of images.

    Attributes:
        key: str (n,), paths in the archive.
        label: int64 (n,), indices into ``classes``.
        uncalibrated: float64 (n, k), rows sum to 1: the network's own; only to see what calibration does.
        temperature: calibrates them, see ``scenes.models.temperature``.
        classes: names (k,).
    """

    key: np.ndarray
    label: np.ndarray
    uncalibrated: np.ndarray
    temperature: float
    classes: tuple[str, ...]

    @cached_property
    def probabilities(self) -> np.ndarray:
        """The calibrated probabilities, float64 (n, k): those that ``scenes.models.store.load`` gives, to go by."""
        return models_temperature.scale(self.uncalibrated, self.temperature)

    def only(self, keys: Collection[str]) -> "Predictions":
        """Return the predictions of the images in ``keys``."""
        kept = np.isin(self.key, list(keys))
        return replace(self, key=self.key[kept], label=self.label[kept], uncalibrated=self.uncalibrated[kept])

    def table(self) -> pd.DataFrame:
        """Return ``key,actual,predicted,confidence``, sorted by key: what DVC's confusion template reads.

        The confidence is calibrated, see ``scenes.evaluation.abstention.confidence``.
        """
        names = np.array(self.classes)
        columns = {
            "key": self.key,
            "actual": names[self.label],
            "predicted": names[self.probabilities.argmax(axis=1)],
            "confidence": abstention.confidence(self.probabilities),
        }
        return pd.DataFrame(columns).sort_values("key", ignore_index=True)


def predict(folder: str | Path, data: str | Path, split: str) -> Predictions:
    """Run the model in ``folder`` over ``split`` of the input it was trained on.

    A head on a backbone reads the cached features: they are what the whole model (``scenes.models.store.load``) would compute
    from the images again.

    Args:
        data: the folder that holds ``records`` and ``features``.
    """
    network, description = store.load_network(folder), describe(folder)
    kind, fitted = description["input"], description["temperature"]
    if kind == "features":
        source = features.load(Path(data) / kind, split)
        probabilities = network.predict(source.features, batch_size=1024, verbose=0)
        return Predictions(np.char.decode(source.key), source.label, _whole(probabilities), fitted, source.classes)
    source = records.open_records(Path(data) / kind, split)
    keys, labels, probabilities = over_records(network, source)
    return Predictions(keys, labels, _whole(probabilities), fitted, source.classes)


def _whole(probabilities: np.ndarray) -> np.ndarray:
    """Return float64 rows that sum to 1: those of float32 do so but for rounding, which scikit-learn warns of."""
    probabilities = probabilities.astype(np.float64)
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def over_records(network, source: Records) -> tuple:
    """Run a network over all images of a split.

    Args:
        network: keras.Model from uint8 images (batch, height, width, 3) to (batch, k), or to a dict of such outputs.

    Returns:
        Keys str (n,), labels int64 (n,), and what the network gives, float32 (n, k) or a dict of such arrays, in the
        order of the records.
    """
    import keras

    keys, labels, outputs = [], [], []
    for batch in records.ordered_batches(source, BATCH_SIZE):
        keys.append(batch["key"].numpy())
        labels.append(batch["label"].numpy())
        outputs.append(network.predict_on_batch(batch["image"]))
    found = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *outputs)
    return np.char.decode(np.concatenate(keys).astype(bytes)), np.concatenate(labels), found
