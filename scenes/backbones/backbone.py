"""The pretrained network whose pooled features a classifier is trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.backbones import dotted_name, efficientnet_lite, weights_file
from scenes.backbones.backbone_table import BACKBONES
from scenes.backbones.feature_maps import with_levels
from scenes.common.checksum import file_hash
from scenes.common.errors import InputError
from scenes.common.outputs import checked
from scenes.common.tables import read_json, write_json

if TYPE_CHECKING:
    import keras

DESCRIPTION = "backbone.json"
_WEIGHTS = "backbone.weights.h5"


def names(name: str) -> list[str]:
    """Return the backbones that ``name`` sets side by side, as ``EfficientNetLite0+EfficientNetLite2`` does.

    Raises:
        InputError: one is neither a key of ``BACKBONES`` nor a dotted name, or is named twice.
    """
    parts = name.split("+")
    for part in parts:
        if part not in BACKBONES and "." not in part:
            raise InputError(
                f"backbone: there is no {part or 'backbone without a name'}; give one of {', '.join(BACKBONES)}, or a "
                "dotted name such as keras.applications.MobileNetV3Small"
            )
    if len(set(parts)) < len(parts):
        raise InputError(f"backbone: {name} names one twice, whose features would be the same; name each once")
    return parts


def build(name: str, image_size: int, *, scaling: str = "none") -> "keras.Model":
    """Return the backbone with initial weights.

    Args:
        name: a key of ``BACKBONES``, a dotted name (see ``scenes.backbones.dotted_name.build``), or several joined by
            ``+``, whose features are set side by side.
        image_size: pixels a side of the network's input.
        scaling: of the pixels before a network with a dotted name, see ``scenes.backbones.dotted_name.scale``; the
            others scale their input themselves.

    Returns:
        From float (batch, image_size, image_size, 3) in 0..255 to (batch, features): float32, or the compute type of
        Keras' policy where the network is one of ``BACKBONES`` alone.

    Raises:
        InputError: see :func:`names` and ``scenes.backbones.dotted_name.build``.
    """
    return side_by_side(build_each(name, image_size), scaling=scaling)


def build_each(name: str, image_size: int) -> "list[keras.Model]":
    """Return the networks of :func:`build` one by one, without scaling."""
    return [_build_one(each, image_size) for each in names(name)]


def _build_one(name: str, image_size: int) -> "keras.Model":
    import keras

    if name in efficientnet_lite.COEFFICIENTS:
        return efficientnet_lite.build(name, image_size)
    if name not in BACKBONES:
        return dotted_name.build(name, image_size)
    return getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(image_size, image_size, 3), pooling="avg"
    )


def side_by_side(networks: "Sequence[keras.Model]", *, scaling: str = "none", levels: str = "top") -> "keras.Model":
    """Return one network with the features of all ``networks``, with which it shares the weights.

    Args:
        networks: see :func:`build_each`. One alone is returned as it is, unless it is scaled or has other features.
        scaling: see :func:`build`.
        levels: see ``scenes.backbones.feature_maps.with_levels``.

    Raises:
        InputError: see ``scenes.backbones.feature_maps.with_levels``.
    """
    import keras

    networks = [with_levels(network, levels) for network in networks]
    scalings = [scaling if "." in network.name else "none" for network in networks]
    if len(networks) == 1 and scalings == ["none"]:
        return networks[0]
    pixels = keras.Input(networks[0].input_shape[1:], name="pixels")
    features = [network(dotted_name.scale(pixels, each)) for network, each in zip(networks, scalings, strict=True)]
    if len(features) == 1:
        return keras.Model(pixels, features[0], name="scaled")
    joined = keras.layers.Concatenate(dtype="float32", name="features")(features)
    return keras.Model(pixels, joined, name="side_by_side")


def load(folder: str | Path, image_size: int, *, levels: str = "top") -> "keras.Model":
    """Return the backbone that :func:`scenes.backbones.weights.acquire` wrote to ``folder``, not trainable.

    Args:
        image_size: pixels a side of the network's input.
        levels: what the features are, see ``scenes.backbones.feature_maps.with_levels``.

    Returns:
        See :func:`build`.

    Raises:
        InputError: see :func:`describe`, :func:`build` and :func:`side_by_side`; or the file of weights is missing or
            damaged, or does not fit this size.
    """
    description = describe(folder)
    networks = build_each(description["backbone"], image_size)
    _load_weights(side_by_side(networks), folder, description)
    network = side_by_side(networks, scaling=description["scaling"], levels=levels)
    network.trainable = False
    return network


def describe(folder: str | Path) -> dict[str, Any]:
    """Return backbone.json in ``folder``.

    That is ``backbone`` (its name), ``scaling``, ``file``, ``sha256`` and ``weights`` (their source).

    Raises:
        InputError: the file is missing or damaged.
    """
    return read_json(Path(folder) / DESCRIPTION)


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
        # In this order Keras runs the image itself first, which Grad-CAM explains.
        features = (mirrored + features) / 2
    # The name is part of the saved production model.
    return keras.Model(inputs, features, name="embedding")


def save(folder: str | Path, network: "keras.Model", description: Mapping[str, Any]) -> None:
    """Write the whole network, fine-tuned or not, and its backbone.json into an existing folder.

    Args:
        network: see :func:`load`.
        description: that of its weights (see :func:`describe`; ``file`` and ``sha256`` are replaced), ``image_size``
            and ``levels`` (see :func:`load`), ``test_time_flip`` (see :func:`feature_extractor`), and ``finetuned``,
            whether it was.
    """
    file = Path(folder) / _WEIGHTS
    weights_file.save(network, file)
    write_json(Path(folder) / DESCRIPTION, {**description, "file": file.name, "sha256": file_hash(file)})


def open_extractor(folder: str | Path) -> "keras.Model":
    """Return the :func:`feature_extractor` of the network that :func:`save` wrote to ``folder``, not trainable.

    Raises:
        InputError: backbone.json or the file of weights is missing or damaged.
    """
    description = read_json(Path(folder) / DESCRIPTION)
    networks = build_each(description["backbone"], description["image_size"])
    network = side_by_side(networks, scaling=description["scaling"], levels=description["levels"])
    _load_weights(network, folder, description)
    network.trainable = False
    return feature_extractor(network, test_time_flip=description["test_time_flip"])


def _load_weights(network: "keras.Model", folder: str | Path, description: Mapping[str, Any]) -> None:
    """Load the weights in ``folder`` after their hash is checked: Keras loads a file with a flipped bit.

    Raises:
        InputError: the file is missing or damaged, or see ``scenes.backbones.weights_file.load``.
    """
    file = checked(Path(folder) / description["file"], description["sha256"])
    weights_file.load(network, file, description["backbone"])
