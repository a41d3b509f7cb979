"""Photos to try the app with: test images, which no model was trained on."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from app import models
from scenes.commands import checkout
from scenes.dataset import records

EACH = 2  # of a class
_LOOKED_AT = 512  # test images, of which the first of each class are taken; their order is that of a hash


class Example(NamedTuple):
    """A test image.

    Attributes:
        key: its path in the archive.
        label: what the archive says it is.
        pixels: uint8 (height, width, 3).
    """

    key: str
    label: str
    pixels: np.ndarray


def exist() -> bool:
    """Whether there are any."""
    return Path(models.ROOT, "data/records/index.json").is_file()


@cache
def load() -> tuple[Example, ...]:
    """Return some test images of each class, by class."""
    models.wait_for_model(checkout.PRODUCTION)  # TensorFlow, which reads the records, is set up with it
    test = records.open_records(Path(models.ROOT, "data/records"), "test")
    found: dict[str, list[Example]] = {name: [] for name in test.classes}
    seen = 0
    for batch in records.ordered_batches(test, 64):
        for key, image, label in zip(batch["key"].numpy(), batch["image"].numpy(), batch["label"].numpy(), strict=True):
            name = test.classes[label]
            if len(found[name]) < EACH:
                found[name].append(Example(key.decode(), name, image.copy()))
        seen += len(batch["label"])
        if seen >= _LOOKED_AT or all(len(some) == EACH for some in found.values()):
            break
    return tuple(example for some in found.values() for example in some)
