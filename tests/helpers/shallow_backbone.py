"""EfficientNetV2 as keras.applications builds it, and EfficientNet-Lite, with shallow, narrow blocks."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from scenes.backbones import efficientnet_lite

FILTERS = 24  # at most, of a block


@contextmanager
def shallow() -> Iterator[None]:
    """Build every EfficientNet with one layer a block, and two in the last one, which then has a skip connection.

    The names and kinds of layers are those of the whole network, which takes seconds to build and more to trace.
    """
    import keras

    module = sys.modules[keras.applications.EfficientNetV2B0.__module__]
    whole = module.DEFAULT_BLOCKS_ARGS
    module.DEFAULT_BLOCKS_ARGS = {
        name: [*(_cut(block, 1) for block in blocks[:-1]), _cut(blocks[-1], 2)] for name, blocks in whole.items()
    }
    stages = efficientnet_lite.STAGES
    narrow = [stage._replace(blocks=1, filters=min(stage.filters, FILTERS)) for stage in stages]
    efficientnet_lite.STAGES = [*narrow[:-1], narrow[-1]._replace(blocks=2)]
    try:
        yield
    finally:
        module.DEFAULT_BLOCKS_ARGS = whole
        efficientnet_lite.STAGES = stages


def _cut(block: dict, repeats: int) -> dict:
    filters = {name: min(block[name], FILTERS) for name in ("input_filters", "output_filters")}
    return {**block, **filters, "num_repeat": repeats}


@pytest.fixture(scope="module")
def shallow_backbone(deterministic) -> Iterator[None]:
    """All tests of a module build shallow backbones."""
    with shallow():
        yield
