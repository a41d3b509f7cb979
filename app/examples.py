"""Examples to try the app with: test images, which no model was trained on."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from app import models
from scenes.dataset import records

_READ = 5000  # test images at most, in the order of a hash; the first of each class is its example


class Example(NamedTuple):
    """A test photo.

    Attributes:
        label: its class in the archive.
        pixels: uint8 (height, width, 3).
    """

    label: str
    pixels: np.ndarray


def exist() -> bool:
    """Return whether there are test images."""
    return Path(models.ROOT, "data/records/index.json").is_file()


@cache
def load() -> tuple[Example, ...]:
    """Return an example of each class that is among the test images read, by class.

    Load a model first: that sets up TensorFlow, which reads the records.
    """
    test = records.open_records(Path(models.ROOT, "data/records"), "test")
    found: dict[int, np.ndarray] = {}
    read = 0
    for batch in records.ordered_batches(test, 64):
        for image, label in zip(batch["image"].numpy(), batch["label"].numpy().tolist(), strict=True):
            if label not in found:
                found[label] = image.copy()
        read += len(batch["label"])
        if read >= _READ or len(found) == len(test.classes):
            break
    return tuple(Example(test.classes[label], found[label]) for label in sorted(found))
