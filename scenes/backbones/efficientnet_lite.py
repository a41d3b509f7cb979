"""EfficientNet-Lite 0 to 2 in Keras.

EfficientNet (Tan & Le 2019, https://arxiv.org/abs/1905.11946) without squeeze-and-excitation, with ReLU6, and with a
stem, a head and first and last stages that do not grow with the network:
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import keras

COEFFICIENTS = {  # of width and depth
    "EfficientNetLite0": (1.0, 1.0),
    "EfficientNetLite1": (1.0, 1.1),
    "EfficientNetLite2": (1.1, 1.2),
}


class Stage(NamedTuple):
    """Blocks of one resolution."""

    blocks: int
    kernel: int
    strides: int  # of the first block
    expand: int  # ratio of the channels within a block to those of its input
    filters: int  # channels of the output


STAGES = [
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
]
STEM, HEAD = 32, 1280  # channels
DROP_CONNECT = 0.2  # of the last block, in training; earlier blocks have proportionally less
# As in the TensorFlow original:
BATCH_NORM = {"momentum": 0.99, "epsilon": 1e-3}


def build(name: str, image_size: int) -> "keras.Model":
    """Return the network without its classifier, with initial weights.

    The names of its layers are those of keras.applications' EfficientNet.

    Args:
        name: a key of ``COEFFICIENTS``.
        image_size: pixels a side of the input.

    Returns:
        From float (batch, image_size, image_size, 3) in 0..255 to float32 (batch, 1280).
    """
    import keras
    from keras import layers

    def initial() -> keras.Initializer:
        return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")

    def convolve(x: keras.KerasTensor, name: str, filters: int, kernel: int = 1, strides: int = 1) -> keras.KerasTensor:
        options = {"padding": "same", "use_bias": False, "kernel_initializer": initial(), "name": f"{name}conv"}
        return layers.Conv2D(filters, kernel, strides, **options)(x)

    def convolve_depthwise(x: keras.KerasTensor, name: str, kernel: int, strides: int) -> keras.KerasTensor:
        options = {"padding": "same", "use_bias": False, "depthwise_initializer": initial(), "name": f"{name}dwconv"}
        return layers.DepthwiseConv2D(kernel, strides, **options)(x)

    def normalise(x: keras.KerasTensor, name: str, *, activate: bool = True) -> keras.KerasTensor:
        x = layers.BatchNormalization(**BATCH_NORM, name=f"{name}bn")(x)
        return layers.ReLU(6.0, name=f"{name}activation")(x) if activate else x

    image = keras.Input((image_size, image_size, 3), name="pixels")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(image)
    x = normalise(convolve(x, "stem_", STEM, kernel=3, strides=2), "stem_")
    blocks = list(_blocks(name))
    for number, (prefix, block) in enumerate(blocks):
        inputs, channels = x, x.shape[-1]
        if block.expand != 1:
            x = normalise(convolve(x, f"{prefix}expand_", channels * block.expand), f"{prefix}expand_")
        x = normalise(convolve_depthwise(x, prefix, block.kernel, block.strides), prefix)
        x = normalise(convolve(x, f"{prefix}project_", block.filters), f"{prefix}project_", activate=False)
        if block.strides == 1 and channels == block.filters:
            rate = DROP_CONNECT * number / len(blocks)
            x = layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{prefix}drop")(x)
            x = layers.Add(name=f"{prefix}add")([x, inputs])
    x = normalise(convolve(x, "top_", HEAD), "top_")
    return keras.Model(image, layers.GlobalAveragePooling2D(name="avg_pool")(x), name=name)


def _blocks(name: str) -> Iterator[tuple[str, Stage]]:
    """Yield each block as a stage of its own, after the prefix of the names of its layers, such as ``block2a_``."""
    width, depth = COEFFICIENTS[name]
    for number, stage in enumerate(STAGES, 1):
        grows = 1 < number < len(STAGES)
        filters = _round_filters(stage.filters * width)
        for index in range(math.ceil(stage.blocks * depth) if grows else stage.blocks):
            strides = stage.strides if index == 0 else 1
            yield f"block{number}{chr(ord('a') + index)}_", stage._replace(blocks=1, strides=strides, filters=filters)


def _round_filters(filters: float) -> int:
    """Return the nearest multiple of 8 that is at least nine tenths of ``filters``."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * filters else rounded + 8
