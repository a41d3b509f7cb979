"""Examples to try the app with: test images, which no model was trained on."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from app import models
from scenes.commands import checkout
from scenes.dataset import records

MOST = 12  # examples; two of each class, or one, or one of every third class, say
_READ = 512  # test images at most, in the order of a hash; the first of each class become examples


class Example(NamedTuple):
    """A test image.

    Attributes:
        key: its path in the archive.
        label: its class in the archive.
        pixels: uint8 (height, width, 3).
    """

    key: str
    label: str
    pixels: np.ndarray


def exist() -> bool:
    """Return whether there are test images."""
    return Path(models.ROOT, "data/records/index.json").is_file()


@cache
def load() -> tuple[Example, ...]:
    """Return some test images, by class."""
    models.wait_for_model(checkout.PRODUCTION)  # this also sets up TensorFlow, which reads the records
    test = records.open_records(Path(models.ROOT, "data/records"), "test")
    each = 2 if 2 * len(test.classes) <= MOST else 1
    step = -(-len(test.classes) // MOST)
    examples: dict[str, list[Example]] = {name: [] for name in test.classes[::step]}
    read = 0
    for batch in records.ordered_batches(test, 64):
        for key, image, label in zip(batch["key"].numpy(), batch["image"].numpy(), batch["label"].numpy(), strict=True):
            name = test.classes[label]
            if name in examples and len(examples[name]) < each:
                examples[name].append(Example(key.decode(), name, image.copy()))
        read += len(batch["label"])
        if read >= _READ or all(len(of_class) == each for of_class in examples.values()):
            break
    return tuple(example for of_class in examples.values() for example in of_class)
