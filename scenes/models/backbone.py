"""The pretrained network whose pooled features a head is trained on."""

import json
from pathlib import Path

# The EfficientNetV2 family of keras.applications (Tan & Le 2021, https://arxiv.org/abs/2104.00298).
# All scale their own input: they are fed 0..255. The md5 are of the official ImageNet files without a top.
OFFICIAL = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/"
IMAGENET_MD5 = {
    "EfficientNetV2B0": "893217f2bb855e2983157299931e43ff",
    "EfficientNetV2S": "af0682fb74e8c54910f2d4393339c070",
    "EfficientNetV2L": "b0b66b5c863aef5b46e8608fe1711615",
}


def imagenet_url(name: str) -> str:
    """Return the address of the official ImageNet weights, without a top, of backbone ``name``."""
    return f"{OFFICIAL}efficientnetv2-{name.removeprefix('EfficientNetV2').lower()}_notop.h5"


def build(name: str, image_size: int):
    """Return the backbone with unset weights.

    Args:
        name: a key of ``IMAGENET_MD5``.
        image_size: pixels a side that the network sees.

    Returns:
        keras.Model: float (batch, image_size, image_size, 3) in 0..255 to float32 (batch, features).
    """
    import keras

    return getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(image_size, image_size, 3), pooling="avg"
    )


def load(folder: str | Path, image_size: int):
    """Return the backbone in ``folder`` (what the ``weights`` stage writes) with its weights, not trainable.

    Args:
        image_size: pixels a side that the network sees.

    Returns:
        keras.Model: see :func:`build`.
    """
    folder = Path(folder)
    description = describe(folder)
    network = build(description["backbone"], image_size)
    network.load_weights(folder / description["file"])
    network.trainable = False
    return network


def feature_extractor(network, *, test_time_flip: bool = False):
    """Return ``network`` behind a resize to the size it sees.

    Args:
        network: what :func:`load` returns.
        test_time_flip: true: the mean of the features of an image and of its mirror image; 1: the image's alone.

    Returns:
        keras.Model: uint8 or float (batch, height, width, 3) in 0..255 to float32 (batch, features).
    """
    import keras

    image_size = network.input_shape[1]
    inputs = keras.Input((None, None, 3), name="image")
    resized = keras.layers.Resizing(image_size, image_size, interpolation="bicubic", dtype="float32", name="resize")(
        inputs
    )
    # Bicubic overshoots at edges; the networks were trained on images that end at 0 and 255.
    clipped = keras.ops.clip(resized, 0.0, 255.0)
    features = keras.ops.cast(network(clipped), "float32")
    if test_time_flip:
        mirrored = keras.ops.cast(network(keras.ops.flip(clipped, axis=2)), "float32")
        features = (features + mirrored) / 2
    return keras.Model(inputs, features, name="embedding")


def describe(folder: str | Path) -> dict:
    """Return what backbone.json in ``folder`` says: ``backbone``, ``file``, ``sha256``, ``weights``."""
    return json.loads((Path(folder) / "backbone.json").read_text(encoding="utf-8"))
