"""The baseline: a residual convolutional network trained from scratch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def build(
    image_shape: Sequence[int], classes: int, *, filters: Sequence[int], dropout: float, image_size: int | None = None
) -> "keras.Model":
    """Return a network from uint8 images to class probabilities.

    A 5x5 stem of stride 2; then stages of one residual block of two 3x3 convolutions, each of which halves the
    resolution; then global average pooling (He et al. 2016, https://arxiv.org/abs/1512.03385).

    Args:
        image_shape: (height, width, 3) in pixels.
        classes: number of outputs.
        filters: channels of each stage; the stem has as many as the first.
        dropout: rate before the classifier.
        image_size: pixels a side to which it resizes its input; None: it takes it as it is.

    Returns:
        From uint8 or float (batch, height, width, 3) in 0..255 to float32 (batch, classes) whose rows sum to 1.
    """
    import keras
    from keras import layers

    def convolution(x: Any, channels: int, size: int, strides: int, name: str) -> Any:
        x = layers.Conv2D(
            channels,
            size,
            strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_conv",
        )(x)
        return layers.BatchNormalization(momentum=0.95, name=f"{name}_bn")(x)

    inputs = keras.Input(tuple(image_shape), name="image")
    x = inputs
    if image_size is not None:
        resize = layers.Resizing(image_size, image_size, interpolation="bicubic", dtype="float32", name="resize")
        x = keras.ops.clip(resize(x), 0.0, 255.0)  # bicubic interpolation overshoots at edges
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(x)
    x = layers.Activation("relu", name="stem_relu")(convolution(x, filters[0], 5, 2, "stem"))
    for stage, channels in enumerate(filters, start=1):
        name = f"stage{stage}"
        shortcut = layers.AveragePooling2D(2, padding="same", name=f"{name}_pool")(x)
        shortcut = convolution(shortcut, channels, 1, 1, f"{name}_shortcut")
        x = layers.Activation("relu", name=f"{name}_relu_a")(convolution(x, channels, 3, 2, f"{name}_a"))
        x = convolution(x, channels, 3, 1, f"{name}_b")
        x = layers.Activation("relu", name=f"{name}_relu_b")(layers.Add(name=f"{name}_add")([x, shortcut]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="cnn")


def penultimate(network: "keras.Model") -> "keras.Model":
    """Return ``network`` without its classifier: from images to float32 (batch, filters[-1])."""
    import keras

    return keras.Model(network.input, network.get_layer("pool").output, name="penultimate")
