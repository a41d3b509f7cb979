"""Records of two classes and a few small images, for the tests of everything that reads records."""

import io
from itertools import chain

import numpy as np
from PIL import Image

from tests.helpers import written_records

SIZE = 32
CLASSES = ("sea", "street")


def picture(number: int, size=(SIZE, SIZE), format="JPEG") -> bytes:
    rng = np.random.default_rng(number)
    pixels = np.asarray(
        Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    )
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **({"quality": 90} if format == "JPEG" else {"compress_level": 1}))
    return buffer.getvalue()


SPLITS = {
    "train": [(f"t/{number}.jpg", CLASSES[number % 2]) for number in range(41)],
    "val": [(f"v/{number}.jpg", CLASSES[number % 2]) for number in range(5)],
    "pred": [(f"p/{number}.jpg", "") for number in range(3)],
}
BYTES = {key: picture(number) for number, (key, _) in enumerate(chain(*SPLITS.values()))}


def write(folder, splits=SPLITS, seed=1, shard_size=10, archives=None):
    folder.mkdir()
    options = {"classes": CLASSES, "image_size": SIZE, "seed": seed, "shard_size": shard_size, "archives": archives}
    return written_records.write(folder, splits, BYTES.__getitem__, **options)
