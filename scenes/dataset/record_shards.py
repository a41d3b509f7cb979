"""The shards of a stage that reads records: one for each of their files."""

from pathlib import Path

import numpy as np

from scenes.dataset.records import Records
from scenes.executors.shards import ByteRange, Shard


def file_shards(source: Records) -> list[Shard]:
    """Return the shards, in order. Each has the name of its file, and the shape of the images as its ``spec``.

    Their sizes are those that they have on average.
    """
    bounds = np.linspace(0, source.count, len(source.files) + 1).astype(int)
    return [
        Shard(Path(file).name, (ByteRange(file),), source.image_shape, int(size))
        for file, size in zip(source.files, np.diff(bounds), strict=True)
    ]
