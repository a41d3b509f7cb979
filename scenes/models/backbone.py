"""The pretrained network whose pooled features a head is trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.models.description import read_description

if TYPE_CHECKING:
    import keras

# The EfficientNetV2 family of keras.applications (Tan & Le 2021, https://arxiv.org/abs/2104.00298). All of them rescale
# their own input from 0..255. The md5 are those of the official ImageNet files without a top.
OFFICIAL = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/"
IMAGENET_MD5 = {
    "EfficientNetV2B0": "893217f2bb855e2983157299931e43ff",
    "EfficientNetV2S": "af0682fb74e8c54910f2d4393339c070",
    "EfficientNetV2L": "b0b66b5c863aef5b46e8608fe1711615",
}
DESCRIPTION = "backbone.json"


def imagenet_url(name: str) -> str:
    """Return the address of the official ImageNet weights, without a top, of backbone ``name``."""
    return f"{OFFICIAL}efficientnetv2-{name.removeprefix('EfficientNetV2').lower()}_notop.h5"


def build(name: str, image_size: int) -> "keras.Model":
    """Return the backbone with unset weights.

    Args:
        name: a key of ``IMAGENET_MD5``.
        image_size: pixels a side of the network's input.

    Returns:
        From float (batch, image_size, image_size, 3) in 0..255 to float32 (batch, features).
    """
    import keras

    return getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(image_size, image_size, 3), pooling="avg"
    )


def load(folder: str | Path, image_size: int) -> "keras.Model":
    """Return the backbone that :func:`scenes.models.weights.acquire` wrote to ``folder``, not trainable.

    Args:
        image_size: pixels a side of the network's input.

    Returns:
        See :func:`build`.

    Raises:
        InputError: see :func:`describe`.
    """
    description = describe(folder)
    network = build(description["backbone"], image_size)
    network.load_weights(Path(folder) / description["file"])
    network.trainable = False
    return network


def describe(folder: str | Path) -> dict[str, Any]:
    """Return backbone.json in ``folder``: ``backbone`` (its name), ``file``, ``sha256`` and ``weights`` (their source).

    Raises:
        InputError: the file is missing or damaged.
    """
    return read_description(Path(folder) / DESCRIPTION, "backbone", ("backbone", "file", "sha256", "weights"))


def feature_extractor(network: "keras.Model", *, test_time_flip: bool = False) -> "keras.Model":
    """Return ``network`` behind a resize to its input size.

    Args:
        network: see :func:`load`.
        test_time_flip: average the features of an image and of its mirror image.

    Returns:
        From uint8 or float (batch, height, width, 3) in 0..255 to float32 (batch, features).
    """
    import keras

    image_size = network.input_shape[1]
    inputs = keras.Input((None, None, 3), name="image")
    resized = keras.layers.Resizing(image_size, image_size, interpolation="bicubic", dtype="float32", name="resize")(
        inputs
    )
    # Bicubic interpolation overshoots at edges; the networks were trained on pixels within 0..255.
    clipped = keras.ops.clip(resized, 0.0, 255.0)
    features = keras.ops.cast(network(clipped), "float32")
    if test_time_flip:
        mirrored = keras.ops.cast(network(keras.ops.flip(clipped, axis=2)), "float32")
        features = (features + mirrored) / 2
    # The name is part of the saved production model.
    return keras.Model(inputs, features, name="embedding")
