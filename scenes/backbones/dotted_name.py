"""Networks by their dotted name: those of keras.applications, and a user's own function of the same signature."""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scenes.backbones.feature_maps import top_layers
from scenes.common.errors import InputError, explained

if TYPE_CHECKING:
    import keras

# Of ImageNet, as keras.applications' preprocess_input has them, per channel: in 0..1, and BGR in 0..255.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BGR_MEAN = (103.939, 116.779, 123.68)


def build(name: str, image_size: int, *, weights: str | None = None) -> "keras.Model":
    """Call the function ``name`` as those of keras.applications are called, and return its network.

    Args:
        name: such as ``keras.applications.ConvNeXtTiny``. The function takes ``include_top``, ``weights``,
            ``input_shape`` and ``pooling``.
        image_size: pixels a side of the network's input.
        weights: None (initial ones) or ``imagenet``, which the function gets by itself.

    Returns:
        From float (batch, image_size, image_size, 3), scaled as the network wants it, to (batch, features).

    Raises:
        InputError: there is no such function, it fails, or it returns something else than such a network.
    """
    import keras

    function = _function(name)
    try:
        with explained():
            network = function(
                include_top=False, weights=weights, input_shape=(image_size, image_size, 3), pooling="avg"
            )
    except InputError:
        raise
    except Exception as error:  # a user's function can raise anything, as can a download
        advice = (
            "check the connection, or give a file: that Keras wrote" if weights else "its image_size may be too small"
        )
        raise InputError(
            f"backbone: {name} with weights={weights!r} at {image_size} pixels failed ({reason(error)}); {advice}"
        ) from None
    if not (isinstance(network, keras.Model) and len(_shape(network)) == 2 and top_layers(network)):
        raise InputError(
            f"backbone: {name} does not return a Keras network from images to pooled features with feature maps "
            "(batch, rows, columns, channels) before the pooling; give a function such as those of keras.applications"
        )
    return keras.Model(network.input, network.output, name=name)


def _function(name: str) -> Callable[..., Any]:
    module, _, attribute = name.rpartition(".")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # importing runs a user's module, which can raise anything
        raise InputError(
            f"backbone: {name} cannot be imported ({reason(error)}); give the dotted name of a function that returns "
            "a network, such as keras.applications.MobileNetV3Small"
        ) from None
    if not callable(function):
        raise InputError(f"backbone: {name} is not a function; give the dotted name of one that returns a network")
    return function


def reason(error: Exception) -> str:
    """Return the start of an error's message as one line, for a sentence that says more."""
    return " ".join(str(error).split())[:160] or type(error).__name__


def _shape(network: "keras.Model") -> tuple[int | None, ...]:
    """Return the shape of the output; () if there is none yet, or more than one."""
    return tuple(getattr(getattr(network, "output", None), "shape", ()))


def scale(pixels: Any, mode: str) -> Any:
    """Return pixels in 0..255 as a network wants them, of the symbolic shape (batch, rows, columns, 3).

    Args:
        mode: ``none`` (0..255), ``unit`` (0..1), ``tf`` (-1..1), ``torch`` (0..1, less ImageNet's mean, by its
            deviation) or ``caffe`` (BGR, 0..255, less ImageNet's mean): the last three as in
            https://keras.io/api/applications/ (``preprocess_input``).
    """
    import keras

    if mode == "none":
        return pixels
    if mode == "caffe":
        pixels = keras.ops.flip(pixels, axis=-1)
    factor, offset = {
        "unit": (1 / 255, 0.0),
        "tf": (1 / 127.5, -1.0),
        "torch": ([1 / 255 / each for each in _DEVIATION], [-m / d for m, d in zip(_MEAN, _DEVIATION, strict=True)]),
        "caffe": (1.0, [-each for each in _BGR_MEAN]),
    }[mode]
    return keras.layers.Rescaling(factor, offset, name=f"scaling_{mode}")(pixels)
