"""Predictions of a trained model on a split of its data."""

import io
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.backbones.features import blocks, load_features
from scenes.dataset import records
from scenes.dataset.records import Records
from scenes.evaluation import abstention
from scenes.executors.shards import Job, Shard
from scenes.models import store, training_distance
from scenes.models.temperature import Calibration, scale
from scenes.process.memory import out_of_memory
from scenes.process.runtime import configure

if TYPE_CHECKING:
    import keras
    import pandas as pd

COLUMNS = ("key", "actual", "predicted", "confidence")  # of a table of predictions
BATCH_SIZE = 64  # images; bounds the memory of their activations
_FEATURES_BATCH_SIZE = 1024  # rows of features
_ADVICE = "lower image_size, or free the device"


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
        stored = load_features(source, split)
        key, label, classes = np.char.decode(stored.key), stored.label, stored.classes
        parts = [network.predict(rows, batch_size=_FEATURES_BATCH_SIZE, verbose=0) for rows in blocks(stored.features)]
        outputs = np.concatenate(parts)
    else:
        images = records.open_records(source, split)
        classes = images.classes
        key, label, outputs = predict_records(network, images)
    # Rows of float32 sum to 1 only up to rounding, about which scikit-learn warns.
    probabilities = outputs.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    calibration = Calibration(description["temperature"], description["calibrated"])
    return Predictions(key, label, probabilities, calibration, classes)


def prediction_job(production: Path, *, threads: int) -> Job:
    """Return the job that runs the model in production over ``scenes.dataset.record_shards``.

    Args:
        production: the folder, see ``scenes.models.store.load_production``.
        threads: see :func:`scenes.process.runtime.configure`; nothing here is random.
    """
    load = partial(_load_production, threads=threads)
    # TensorFlow computes on all cores or on a GPU.
    return Job("predict", _predict_shard, load=load, folders=(production,), processes=1, gpus=1, advice=_ADVICE)


def join_predictions(results: Iterable[bytes], classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the results of the job as arrays, in the order of the records.

    Returns:
        Keys str (n,), probabilities float32 (n, ``classes``), and distances float32 (n,), see
        ``scenes.models.training_distance``; None if the model has no training features.
    """
    parts = [np.load(io.BytesIO(result)) for result in results if result]
    if not parts:
        return np.empty(0, str), np.empty((0, classes), np.float32), np.empty(0, np.float32)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].files}
    return joined["key"], joined["probabilities"], joined.get("distance")


def _load_production(folder: Path, *, threads: int) -> Callable[[Any], Any]:
    configure(seed=0, threads=threads)
    network, _ = store.load_production(folder)
    return _compiled(training_distance.with_distance(network, store.load_training_features(folder)))


def _predict_shard(graph: Callable[[Any], Any], shard: Shard, inputs: Sequence[bytes]) -> bytes:
    if not inputs[0]:
        return b""  # the hash of no image is in its range
    # A batch ends where its shard ends, so that the result does not depend on where the other shards are computed.
    key, _, outputs = _predict_batches(graph, records.shard_batches(inputs[0], shard.spec, BATCH_SIZE))
    buffer = io.BytesIO()
    np.savez(buffer, key=key, **outputs)
    return buffer.getvalue()


def predict_records(network: "keras.Model", source: Records) -> tuple[np.ndarray, np.ndarray, Any]:
    """Run a network over all images of a split.

    Args:
        network: from uint8 images (batch, height, width, 3) to (batch, k), or to a dict of such outputs.

    Returns:
        Keys str (n,), labels int64 (n,), and the outputs, float32 (n, k) or a dict of such arrays, in the order of the
        records.
    """
    return _predict_batches(_compiled(network), records.ordered_batches(source, BATCH_SIZE))


def _compiled(network: "keras.Model") -> Callable[[Any], Any]:
    """Return ``network`` as one graph for batches of any size; Keras traces another for a smaller last batch."""
    import tensorflow as tf

    signature = [tf.TensorSpec(network.input_shape, tf.uint8)]
    return tf.function(lambda images: network(images, training=False), input_signature=signature)


def _predict_batches(graph: Callable[[Any], Any], batches: Iterable[Any]) -> tuple[np.ndarray, np.ndarray, Any]:
    import keras

    keys, labels, outputs = [], [], []
    with out_of_memory(f"in predictions of {BATCH_SIZE} images at a time; {_ADVICE}"):
        for batch in batches:
            keys.append(batch["key"].numpy())
            labels.append(batch["label"].numpy())
            outputs.append(graph(batch["image"]))
        joined = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *outputs)
    return np.char.decode(np.concatenate(keys).astype(bytes)), np.concatenate(labels), joined
