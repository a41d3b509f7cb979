"""The second output of a model: for each class, whether the photo contains it, independently of the other classes."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scenes.common.description import read_description
from scenes.common.tables import write_json

if TYPE_CHECKING:
    import keras

PRESENCE = "presence"
PRESENCE_NAIVE = "presence_naive"  # fitted by the naive loss, for comparison
_DESCRIPTION = "multilabel.json"


def build(features: int, classes: int, *, units: int | None, dropout: float, name: str = PRESENCE) -> "keras.Model":
    """Return a network from a classifier's input features to one independent score for each class.

    Args:
        features: width of the input.
        classes: number of outputs.
        units: width of a hidden layer; None: no hidden layer.
        dropout: rate before each dense layer.
        name: of the Keras model.

    Returns:
        From float32 (batch, features) to float32 (batch, classes) in 0..1. Its layer ``logits`` gives the scores before
        the sigmoid.
    """
    import keras
    from keras import layers

    inputs = keras.Input((features,), name="features")
    x = layers.Normalization(name="standardise")(inputs)
    if units is not None:
        x = layers.Dropout(dropout, name="dropout_a")(x)
        x = layers.Dense(units, activation="relu", kernel_initializer="he_normal", name="hidden")(x)
    x = layers.Dropout(dropout, name="dropout_b")(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    outputs = layers.Activation("sigmoid", dtype="float32", name="scores")(logits)
    return keras.Model(inputs, outputs, name=name)


def save(folder: str | Path, networks: "Mapping[str, keras.Model]") -> None:
    """Write ``networks`` by name (``PRESENCE``, ``PRESENCE_NAIVE``), all of one shape, into an existing folder."""
    folder = Path(folder)
    for name, network in networks.items():
        network.save_weights(folder / f"{name}.weights.h5")
    hidden = [layer.units for layer in network.layers if layer.name == "hidden"]
    description = {
        "features": network.input_shape[-1],
        "classes": network.output_shape[-1],
        "network": {"units": hidden[0] if hidden else None, "dropout": network.get_layer("dropout_b").rate},
    }
    write_json(folder / _DESCRIPTION, description)


def load(folder: str | Path, name: str = PRESENCE) -> "keras.Model":
    """Return one of the networks that :func:`save` wrote to ``folder``.

    Raises:
        InputError: multilabel.json is missing or damaged.
    """
    path = Path(folder) / _DESCRIPTION
    description = read_description(path, "second output", ("features", "classes", "network"))
    network = build(description["features"], description["classes"], **description["network"], name=name)
    network.load_weights(Path(folder) / f"{name}.weights.h5")
    return network
