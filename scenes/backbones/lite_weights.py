"""The weights of EfficientNet-Lite, named and laid out as by PyTorch, in the network of ``efficientnet_lite``."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.common.errors import InputError

if TYPE_CHECKING:
    import keras

_MODULES = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "top_conv": "_conv_head", "top_bn": "_bn1"}
_BLOCK_MODULES = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "dwconv": "_depthwise_conv",
    "bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}
_PARAMETERS = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# The classifier, and how many batches each batch normalisation has seen.
_UNUSED = re.compile(r"_fc\.|.*\.num_batches_tracked$")


def assign(network: "keras.Model", tensors: Mapping[str, np.ndarray]) -> None:
    """Assign a state dict of PyTorch's to ``network``, all of it or nothing.

    Args:
        network: see ``scenes.backbones.efficientnet_lite.build``.
        tensors: by name, such as ``_blocks.0._bn1.weight``; see ``scenes.backbones.torch_file.read_tensors``.

    Raises:
        InputError: a weight is missing, not finite or of another shape, or a tensor belongs to no layer.
    """
    values = []
    left = {name for name in tensors if not _UNUSED.match(name)}
    for variable, name, axes in _pairs(network):
        if name not in left:
            raise InputError(f"weights: there is no {name} for {variable.path}")
        left.remove(name)
        value = np.transpose(tensors[name], axes) if axes and tensors[name].ndim == len(axes) else tensors[name]
        if value.shape != tuple(variable.shape):
            raise InputError(
                f"weights: {name} has the shape {value.shape} instead of the {tuple(variable.shape)} of {variable.path}"
            )
        if not np.isfinite(value).all():
            raise InputError(f"weights: {name} has values that are not finite")
        values.append((variable, value))
    if left:
        raise InputError(f"weights: no layer of {network.name} takes {min(left)}")
    for variable, value in values:
        variable.assign(value)


def _pairs(network: "keras.Model") -> Iterator[tuple[Any, str, tuple[int, ...] | None]]:
    """Yield each variable, the name of its tensor, and the order of that tensor's axes in Keras."""
    import keras

    blocks: list[str] = []
    for layer in network.layers:
        axes = None
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            axes = (2, 3, 0, 1)  # from (channels, 1, height, width)
        elif isinstance(layer, keras.layers.Conv2D):
            axes = (2, 3, 1, 0)  # from (filters, channels, height, width)
        prefix, _, kind = layer.name.partition("_")
        if prefix.startswith("block"):
            if prefix not in blocks:
                blocks.append(prefix)
            module = f"_blocks.{len(blocks) - 1}.{_BLOCK_MODULES.get(kind)}"
        else:
            module = _MODULES.get(layer.name, "")
        for variable in layer.weights:
            yield variable, f"{module}.{_PARAMETERS[variable.name]}", axes
