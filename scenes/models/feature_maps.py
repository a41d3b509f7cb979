"""A network's feature maps: which layers they come from, and the features that are pooled from several of them."""

from typing import TYPE_CHECKING, Any

from scenes.common.errors import InputError

if TYPE_CHECKING:
    import keras


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


def with_levels(network: "keras.Model", levels: int) -> "keras.Model":
    """Return ``network`` with the means of earlier feature maps behind its own features; the weights are shared.

    Args:
        network: from images to features, without models inside it.
        levels: resolutions of the feature maps, from the coarsest; 1 is the top's alone and returns ``network``.

    Raises:
        InputError: ``network`` has fewer resolutions, or a model is inside it.
    """
    import keras

    if levels == 1:
        return network
    if any(hasattr(layer, "layers") for layer in network.layers):
        raise InputError(f"levels: {network.name} has a model inside it, whose maps cannot be used; set levels to 1")
    maps = level_maps(network)
    if len(maps) < levels:
        raise InputError(
            f"levels: {network.name} has feature maps of {len(maps)} resolutions at {network.input_shape[1]} pixels; "
            f"set levels to {len(maps)} or less"
        )
    pooled = [
        # In float32: a mean of thousands of values in bfloat16 would lose most of its digits.
        keras.layers.GlobalAveragePooling2D(dtype="float32", name=f"level_{number}")(each)
        for number, each in enumerate(maps[1:levels], 2)
    ]
    features = keras.layers.Concatenate(dtype="float32", name="levels")([network.output, *pooled])
    return keras.Model(network.input, features, name=network.name)


def level_maps(network: "keras.Model") -> list[Any]:
    """Return the output of the last layer at each resolution, the top's first, then about twice as fine each time.

    The rule knows no names. A resolution that is less than twice the one before it, but for a pixel that a kernel takes
    off the edge, is no level of its own; nor is what a padding makes. Maps with as many channels as an image are the
    image, scaled.
    """
    import keras

    channels = network.input_shape[-1]
    layers = [layer for layer in network.layers if is_map(layer) and not isinstance(layer, keras.layers.ZeroPadding2D)]
    last = {layer.output.shape[1]: layer.output for layer in layers}
    coarsest = top_layers(network)[0].output.shape[1]
    levels = [coarsest]
    for rows in sorted(last):
        if rows > levels[-1] and rows >= 2 * levels[-1] - 1 and last[rows].shape[-1] != channels:
            levels.append(rows)
    return [last[rows] for rows in levels]
