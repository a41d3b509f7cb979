"""Running a backbone over all records, shard by shard, see ``scenes.executors``."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from scenes.backbones import backbone, finetuning
from scenes.backbones.features import SAMPLE, Features, StoredFeatures, blocks, load_features, pack, write_index
from scenes.common.errors import InputError
from scenes.common.outputs import recorded
from scenes.common.stratified import StratifiedSample
from scenes.dataset import records
from scenes.dataset.record_shards import file_shards
from scenes.dataset.records import Records
from scenes.executors import executor, reuse
from scenes.executors.shards import Job, Shard
from scenes.process.memory import out_of_memory
from scenes.process.runtime import configure

if TYPE_CHECKING:
    import keras

_ADVICE = "lower features.batch_size, or image_size of the feature set"
_SAME = 1e-4  # features that differ by less, relative to the largest, are the same


class Extractor(NamedTuple):
    """A backbone, ready to compute features.

    Attributes:
        network: see ``scenes.backbones.backbone.load``.
        graph: see :func:`compile_extractor`.
        width: the number of features of an image.
    """

    network: "keras.Model"
    graph: Callable[[Any], Any]
    width: int


@cache  # the stage and, in the same process, its worker
def load_extractor(
    weights: Path, finetuned: Path, *, image_size: int, levels: str, test_time_flip: bool, threads: int
) -> Extractor:
    """Set TensorFlow up, and return the backbone that two stages have written.

    Args:
        weights, finetuned: folders, see ``scenes.backbones.backbone.load`` and ``scenes.backbones.finetuning.load``.
        image_size, levels: see ``scenes.backbones.backbone.load``.
        test_time_flip: see ``scenes.backbones.backbone.feature_extractor``.
        threads: see :func:`scenes.process.runtime.configure`; nothing here is random.

    Raises:
        InputError: as these functions do.
    """
    configure(seed=0, threads=threads)
    network = backbone.load(weights, image_size, levels=levels)
    finetuning.load(finetuned, network)
    extractor = backbone.feature_extractor(network, test_time_flip=test_time_flip)
    return Extractor(network, compile_extractor(extractor), extractor.output_shape[-1])


def compile_extractor(extractor: "keras.Model") -> Callable[[Any], Any]:
    """Return ``extractor`` as one graph for all splits and batch sizes; tracing takes seconds each time."""
    import tensorflow as tf

    signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
    return tf.function(lambda images: extractor(images, training=False), input_signature=signature)


def extraction_job(load: Callable[..., Extractor], folders: tuple[Path, ...], batch_size: int) -> Job:
    """Return the job for :func:`extract_features`.

    Args:
        load: returns the backbone from the folders, as :func:`load_extractor` does.
        batch_size: images at a time; bounds the memory that their activations take.
    """
    work = partial(extract_shard, batch_size=batch_size)
    # TensorFlow computes on all cores or on a GPU.
    return Job("features", work, load=load, folders=folders, processes=1, gpus=1, advice=_ADVICE)


def file_keys(records_folder: str | Path, state: str) -> dict[str, str]:
    """Return the key of each file of features by its name, see ``scenes.executors.reuse``.

    Args:
        records_folder: the records; of each file, the hash in SHA256SUMS counts.
        state: a hash of all else that determines the features.
    """
    hashes = recorded(records_folder)
    return {_file_name(name): reuse.key(state, hashes[name]) for name in hashes if name.endswith(".tfrecord")}


def _file_name(records_file: str) -> str:
    return Path(records_file).with_suffix(".npy").name


def extract_features(
    folder: str | Path, records_folder: str | Path, job: Job, run: executor.Run = executor.run
) -> None:
    """Write the features of all records into an existing folder, see ``scenes.backbones.features``.

    The memory needed does not depend on the number of images.

    Args:
        folder: with some of the files of features or none; the others are computed.
        job: see :func:`extraction_job`.
        run: :func:`scenes.executors.executor.run`, or that of ``kept``.

    Raises:
        InputError: see :func:`extract_shard` and :func:`check_informative`.
    """
    splits = {name: records.open_records(records_folder, name) for name in records.splits(records_folder)}
    shards = [shard for split in splits.values() for shard in file_shards(split)]
    missing = {path: shard for shard in shards if not (path := Path(folder) / _file_name(shard.name)).exists()}
    with closing(run(job, [*missing.values()])) as results:
        for path, content in zip(missing, results, strict=True):
            path.write_bytes(content)
    files = {name: [_file_name(file) for file in split.files] for name, split in splits.items()}
    write_index(folder, splits["train"].classes, files)
    check_informative(load_features(folder, "train"))


def extract_shard(extractor: Extractor, shard: Shard, inputs: Sequence[bytes], *, batch_size: int) -> bytes:
    """Return the file of features of one shard of records.

    A batch ends where its shard ends, so that the result does not depend on where the other shards are computed.

    Args:
        shard: its ``spec`` is the (height, width, channels) of the images.
        inputs: the content of the shard.
        batch_size: images at a time.

    Raises:
        InputError: a feature is not finite, as when a large network with random weights overflows.
    """
    none = np.array([], bytes), np.array([], np.int64), np.zeros((0, extractor.width), np.float32)
    batches = records.shard_batches(inputs[0], shard.spec, batch_size)
    parts = [none, *_run(extractor.graph, batches)]  # a shard can be empty
    return pack(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def compute_features(
    graph: Callable[[Any], Any], split: Records, *, batch_size: int, desc: str = "images", size: int = SAMPLE
) -> Features:
    """Return the features of labelled images in memory, with a progress bar.

    Args:
        graph: from uint8 images (batch, h, w, 3) to float32 (batch, d), see :func:`compile_extractor`.
        size: of more images, only a sample of about so many, see ``scenes.common.stratified``.

    Raises:
        InputError: see :func:`extract_shard`; or memory runs out.
    """
    parts = []
    bar = tqdm(total=min(split.count, size), desc=f"features of {desc}", unit="image", disable=None)
    with bar, out_of_memory(f"in features, with batch_size {batch_size}; {_ADVICE}"):
        for part in _run(graph, _sampled(split, batch_size, size)):
            parts.append(part)
            bar.update(len(part[0]))
    key, label, features = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Features(key.astype(bytes), label, features, split.classes)


def _sampled(split: Records, batch_size: int, size: int) -> Iterator[dict[str, Any]]:
    """Yield ``records.ordered_batches`` without the images that are not in the sample."""
    import tensorflow as tf

    sample = StratifiedSample(np.array(split.per_class), size)
    for batch in records.ordered_batches(split, batch_size):
        mask = sample.mask(batch["label"].numpy())
        if mask.any():
            yield {name: tf.boolean_mask(values, mask) for name, values in batch.items()}


def _run(graph: Callable[[Any], Any], batches: Iterable[dict[str, Any]]) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield keys (b,), labels (b,) and features float32 (b, d) of each batch.

    Raises:
        InputError: a feature is not finite.
    """
    for batch in batches:
        features = graph(batch["image"]).numpy()
        if not np.isfinite(features).all():
            raise InputError(
                "the backbone gives features that are not finite; with random weights use a smaller backbone "
                "(EfficientNetLite0), otherwise check the weights file"
            )
        yield batch["key"].numpy(), batch["label"].numpy(), features.astype(np.float32, copy=False)


def check_informative(features: Features | StoredFeatures) -> None:
    """Refuse features that do not distinguish one image from another.

    Raises:
        InputError: every feature has the same value, up to float32's precision, on all images.
    """
    low, high = np.inf, -np.inf
    for rows in blocks(features.features):
        low, high = np.minimum(low, rows.min(axis=0)), np.maximum(high, rows.max(axis=0))
    if (high - low <= _SAME * np.maximum(np.abs(low), np.abs(high))).all():
        raise InputError(
            "the backbone gives the same features for every image; with random weights use a smaller backbone "
            "(EfficientNetLite0), otherwise check the weights file"
        )
