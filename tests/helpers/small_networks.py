"""Networks as a user's function makes them, with the signature of keras.applications, small enough for any test."""

import keras
from keras import layers


def tiny(include_top=True, weights=None, input_shape=None, pooling=None):
    """Three resolutions, layers without names, a padding, and a branch that squeezes each map to one pixel."""
    assert not include_top
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(inputs)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.BatchNormalization()(layers.Conv2D(6, 3, strides=2)(x))
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Conv2D(6, 1, activation="sigmoid")(squeezed)])
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    if weights == "imagenet":
        raise OSError("no such\nserver")
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x) if pooling == "avg" else x)


def inside(include_top=True, weights=None, input_shape=None, pooling=None):
    """A network with another one in it."""
    inputs = keras.Input(input_shape)
    body = tiny(False, None, input_shape, pooling)
    return keras.Model(inputs, layers.Dense(5)(body(layers.Rescaling(1 / 255)(inputs))))


def unpooled(include_top=True, weights=None, input_shape=None, pooling=None):
    return tiny(False, weights, input_shape, None)


def flat(include_top=True, weights=None, input_shape=None, pooling=None):
    """Without feature maps, but for the image."""
    return keras.Sequential([keras.Input((2,)), layers.Dense(2)])


def nothing(**options):
    return None


def failing(**options):
    raise ValueError("at least\n32 pixels")


NUMBER = 7
