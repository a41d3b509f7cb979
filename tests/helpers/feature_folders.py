"""Folders of features as the stage `features` leaves them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scenes.backbones.features import Features, pack, write_index


def save(folder: Path, splits: Mapping[str, Features], shard_size: int = 2**30) -> None:
    """Write the splits, of the same classes, into a folder that exists."""
    parts = {}
    for split, features in splits.items():
        bounds = np.arange(0, max(len(features.label), 1), shard_size)
        contents = [
            pack(*(values[start : start + shard_size] for values in (features.key, features.label, features.features)))
            for start in bounds
        ]
        names = [f"{split}-{number:05d}-of-{len(contents):05d}.npy" for number in range(len(contents))]
        for name, content in zip(names, contents, strict=True):
            (folder / name).write_bytes(content)
        parts[split] = names
    write_index(folder, next(iter(splits.values())).classes, parts)
