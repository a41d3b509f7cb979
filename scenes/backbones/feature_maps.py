"""A network's feature maps: which layers they come from, and the features that are pooled from several of them."""

import re
from typing import TYPE_CHECKING, Any

from scenes.common.errors import InputError

if TYPE_CHECKING:
    import keras

_LEAST_VARIANCE = 1e-6


def is_map(layer: "keras.Layer") -> bool:
    """Return whether a layer's output is (batch, rows, columns, channels)."""
    return len(getattr(getattr(layer, "output", None), "shape", ())) == 4


def top_layers(model: "keras.Model") -> "list[keras.Layer]":
    """Return the layer whose output is the last feature map of ``model``: one for each of networks side by side.

    The layer may be in a model inside ``model``. The list is empty if there are no maps.
    """
    found: list[keras.Layer] = []
    for layer in reversed(model.layers):
        if hasattr(layer, "layers"):
            found = top_layers(layer) + found
        elif not found and is_map(layer):
            return [layer]
    return found


def with_levels(network: "keras.Model", levels: str) -> "keras.Model":
    """Return ``network`` with the features that ``levels`` asks for; the weights are shared.

    Of a block, the features are the mean and the standard deviation of each channel over the image, of what its last
    layer gives. On real photos they were worth more to a linear classifier than the top, which was trained for other
    classes, and the top beside them was worth nothing (docs/models.md).

    Args:
        network: from images to features.
        levels: ``top``, which returns ``network``, or ``blocks``, see :func:`block_maps`.

    Raises:
        InputError: a model is inside ``network``.
    """
    import keras

    if levels == "top":
        return network
    if any(hasattr(layer, "layers") for layer in network.layers):
        raise InputError(f"levels: {network.name} has a model inside it, whose maps cannot be used; set levels to top")
    maps = block_maps(network)
    # In float32: a mean of thousands of values in bfloat16 would lose most of its digits.
    means = [
        keras.layers.GlobalAveragePooling2D(dtype="float32", name=f"mean_{k}")(each) for k, each in enumerate(maps)
    ]
    variances = [keras.ops.cast(keras.ops.var(each, axis=(1, 2)), "float32") for each in maps]
    # The root has no gradient at 0.
    deviations = [keras.ops.sqrt(each + _LEAST_VARIANCE) for each in variances]
    features = keras.layers.Concatenate(dtype="float32", name="levels")([*means, *deviations])
    return keras.Model(network.input, features, name=network.name)


def block_number(layer: "keras.Layer") -> int | None:
    """Return the number of the block that a layer belongs to by its name, ``block<number>...``."""
    match = re.match(r"block(\d+)", layer.name)
    return int(match[1]) if match else None


def block_maps(network: "keras.Model") -> list[Any]:
    """Return the output of the last layer of each block, the first block's first.

    Of a network without blocks in the names of its layers, it is the last layer at each resolution.
    """
    last = {
        number: layer.output
        for layer in network.layers
        if is_map(layer) and (number := block_number(layer)) is not None
    }
    return [last[number] for number in sorted(last)] or resolution_maps(network)


def resolution_maps(network: "keras.Model") -> list[Any]:
    """Return the output of the last layer at each resolution, the finest first.

    Names of layers do not matter. Each resolution is at least twice the next coarser one, less the one pixel that a
    kernel can take off the edge. Outputs of padding layers are skipped, and so are maps with as many channels as the
    input, which are only the scaled image.
    """
    import keras

    channels = network.input_shape[-1]
    layers = [layer for layer in network.layers if is_map(layer) and not isinstance(layer, keras.layers.ZeroPadding2D)]
    last = {layer.output.shape[1]: layer.output for layer in layers}
    levels = [top_layers(network)[0].output.shape[1]]
    for rows in sorted(last):
        if rows > levels[-1] and rows >= 2 * levels[-1] - 1 and last[rows].shape[-1] != channels:
            levels.append(rows)
    return [last[rows] for rows in reversed(levels)]
