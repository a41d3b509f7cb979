"""A backbone's pooled features, one row an image: computed once over all records, and kept in a file a shard.

A folder of features has an index.json as that of the records has, and an .npy file for each of their shards, with a row
for each image in the same order: ``label`` int64, ``key`` bytes and ``features`` float32 (d,). Without this project,
``numpy.load(file, mmap_mode="r")["features"]`` reads it.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scenes.backbones.backbone import DESCRIPTION
from scenes.backbones.sharded_rows import ShardedRows
from scenes.common.arrays import load_arrays
from scenes.common.outputs import damaged
from scenes.common.stratified import StratifiedSample
from scenes.common.tables import read_json, write_json

_INDEX = "index.json"
# The most images that a classifier is fitted to: it takes 0.9 GB with 1,568 features. Of more images, a sample is used.
SAMPLE = 50_000
BLOCK = 1 << 14  # rows at a time where all are read


@dataclass(frozen=True)
class Features:
    """Features of images, in memory.

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


@dataclass(frozen=True)
class StoredFeatures:
    """The same, but ``features`` are read from their files when they are needed."""

    key: np.ndarray
    label: np.ndarray
    features: ShardedRows
    classes: tuple[str, ...]

    def sample(self, size: int = SAMPLE) -> Features:
        """Return a sample of about ``size`` of the images in memory, see ``scenes.common.stratified``.

        All have a label. Of no more than ``size`` images, it returns all.
        """
        per_class = np.bincount(self.label, minlength=len(self.classes))
        rows = StratifiedSample(per_class, size).mask(self.label)
        return Features(self.key[rows], self.label[rows], self.features[rows], self.classes)


def blocks(features: np.ndarray | ShardedRows) -> Iterator[np.ndarray]:
    """Yield all rows in memory, ``BLOCK`` at a time. Of no rows, yield none once."""
    for start in range(0, max(len(features), 1), BLOCK):
        yield features[start : start + BLOCK]


def describe_features(folder: str | Path) -> dict[str, Any]:
    """Return how the features in ``folder`` were computed.

    That is backbone.json, see ``scenes.backbones.backbone.save``.

    Raises:
        InputError: backbone.json is missing or damaged.
    """
    return read_json(Path(folder) / DESCRIPTION, ("sha256",))


def pack(key: np.ndarray, label: np.ndarray, features: np.ndarray) -> bytes:
    """Return the content of the file for one shard; the arguments are as in :class:`Features`, or can be cast."""
    longest = max((len(each) for each in key.tolist()), default=0)
    width = max(-(-longest // 8) * 8, 8)  # aligns the features of each row
    fields = [("label", "<i8"), ("key", f"S{width}"), ("features", "<f4", features.shape[1:])]
    rows = np.zeros(len(label), fields)
    rows["label"], rows["key"], rows["features"] = label, key, features
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()


def write_index(folder: str | Path, classes: Sequence[str], splits: Mapping[str, Sequence[str]]) -> None:
    """Write index.json into a folder with all files of features in place.

    Args:
        splits: by the name of the split, the names of its files, in order; see :func:`pack`.
    """
    entries = {}
    for split, names in splits.items():
        count = sum(len(np.load(Path(folder) / name, mmap_mode="r")) for name in names)
        entries[split] = {"count": count, "shards": list(names)}
    write_json(Path(folder) / _INDEX, {"classes": list(classes), "splits": entries})


def load_features(folder: str | Path, split: str) -> StoredFeatures:
    """Return the features of one split, in the order of its records. Each file is read once, to find damage.

    Raises:
        InputError: a file is missing or damaged, or the files do not fit together.
    """
    folder = Path(folder)
    index = read_json(folder / _INDEX)
    entry = index["splits"][split]
    files = [folder / name for name in entry["shards"]]
    keys, labels, widths = [], [], []
    for path in files:
        rows = _load_shard(path, len(index["classes"]))
        keys.append(rows["key"].copy())
        labels.append(rows["label"].copy())
        widths.append(rows["features"].shape[1])
    counts = [len(part) for part in labels]
    if len(set(widths)) != 1 or sum(counts) != entry["count"]:
        raise damaged(folder, f"its files of {split} do not fit together")
    features = ShardedRows(files, counts, widths[0])
    return StoredFeatures(np.concatenate(keys), np.concatenate(labels), features, tuple(index["classes"]))


def _load_shard(path: Path, classes: int) -> np.ndarray:
    """Return the rows that :func:`pack` has put into a file.

    Raises:
        InputError: the file is missing or damaged.
    """
    rows = load_arrays(path)
    if not isinstance(rows, np.ndarray) or rows.ndim != 1 or rows.dtype.names != ("label", "key", "features"):
        raise damaged(path, "it has other arrays")
    label, key, features = rows["label"], rows["key"], rows["features"]
    if (label.dtype, key.dtype.kind, features.dtype) != (np.int64, "S", np.float32):
        raise damaged(path, "its arrays have other types")
    if (label.ndim, key.ndim, features.ndim) != (1, 1, 2):
        raise damaged(path, "its arrays have other shapes")
    if not np.isfinite(features).all():
        raise damaged(path, "it has a number that is not finite")
    if not ((label >= -1) & (label < classes)).all():
        raise damaged(path, "it has a label without a class")
    return rows


def load_labelled_features(folder: str | Path) -> StoredFeatures:
    """Return the features in ``folder`` of all labelled images: those of train, val and test, one after the other."""
    parts = [load_features(folder, split) for split in ("train", "val", "test")]
    return StoredFeatures(
        key=np.concatenate([part.key for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        features=ShardedRows.concatenate([part.features for part in parts]),
        classes=parts[0].classes,
    )
