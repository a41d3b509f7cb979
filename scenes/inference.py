"""Applying a trained model to a split of the data it was made for."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scenes import embeddings, model, records
from scenes.model_folder import describe

BATCH_SIZE = 64  # of images; bounds the memory that their activations take


@dataclass(frozen=True)
class Predictions:
    """What a model says of a set of images.

    Attributes:
        key: str (n,), paths in the archive.
        label: int64 (n,), indices into ``classes``; -1 for images without a label.
        probabilities: float32 (n, k).
        classes: names (k,).
    """

    key: np.ndarray
    label: np.ndarray
    probabilities: np.ndarray
    classes: tuple[str, ...]

    def only(self, keys: Collection[str]) -> "Predictions":
        """Return the predictions of the images in ``keys``."""
        kept = np.isin(self.key, list(keys))
        return Predictions(self.key[kept], self.label[kept], self.probabilities[kept], self.classes)

    def table(self) -> pd.DataFrame:
        """Return ``key,actual,predicted,confidence``, sorted by key: what DVC's confusion template reads."""
        names = np.array(self.classes)
        columns = {
            "key": self.key,
            "actual": names[self.label],
            "predicted": names[self.probabilities.argmax(axis=1)],
            "confidence": self.probabilities.max(axis=1),
        }
        return pd.DataFrame(columns).sort_values("key", ignore_index=True)


def predict(folder: str | Path, data: str | Path, split: str) -> Predictions:
    """Run the model in ``folder`` over ``split`` of the input it was trained on.

    A head on a backbone reads the cached features: they are what the whole model (``scenes.model.load``) would compute
    from the images again.

    Args:
        data: the folder that holds ``records`` and ``embeddings``.
    """
    network = model.load_network(folder)
    kind = describe(folder)["input"]
    if kind == "embeddings":
        source = embeddings.load(Path(data) / kind, split)
        probabilities = network.predict(source.features, batch_size=1024, verbose=0)
        return Predictions(np.char.decode(source.key), source.label, probabilities, source.classes)
    source = records.open_records(Path(data) / kind, split)
    keys, labels, probabilities = [], [], []
    for batch in records.ordered_batches(source, BATCH_SIZE):
        keys.append(batch["key"].numpy())
        labels.append(batch["label"].numpy())
        probabilities.append(network.predict_on_batch(batch["image"]))
    keys = np.char.decode(np.concatenate(keys).astype(bytes))
    return Predictions(keys, np.concatenate(labels), np.concatenate(probabilities), source.classes)
