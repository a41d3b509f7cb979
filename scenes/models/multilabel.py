"""The second output of a model: for each class, whether the photo contains it, whatever else is in it."""

import json
from pathlib import Path

from scenes.common.errors import InputError

PRESENCE, PRESENCE_NAIVE = (
    "presence",
    "presence_naive",
)  # the output itself, and one fitted by the naive loss, to compare with


def build(features: int, classes: int, *, units: int | None, dropout: float, name: str = PRESENCE):
    """Return a Keras model from what the classifier of a model sees to scores, each class independent of the others.

    Args:
        features: width of the input.
        classes: number of outputs.
        units: width of a hidden layer; None: there is none.
        dropout: rate before each layer that learns.
        name: of the Keras model.

    Returns:
        keras.Model: float32 (batch, features) to float32 (batch, classes) between 0 and 1. Its layer ``logits`` gives
        the same before the sigmoid.
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


def save(folder: str | Path, networks: dict) -> None:
    """Write ``networks`` by name (``CHOSEN`` or ``NAIVE``), all of one shape, into an existing folder."""
    folder = Path(folder)
    for name, network in networks.items():
        network.save_weights(folder / f"{name}.weights.h5")
    described = json.dumps(_describe(network), indent=2, sort_keys=True)
    (folder / "multilabel.json").write_text(described + "\n", encoding="utf-8")


def _describe(network) -> dict:
    """Return what :func:`load` needs to know of a network of :func:`build`."""
    hidden = [layer.units for layer in network.layers if layer.name == "hidden"]
    return {
        "features": network.input_shape[-1],
        "classes": network.output_shape[-1],
        "network": {"units": hidden[0] if hidden else None, "dropout": network.get_layer("dropout_b").rate},
    }


def load(folder: str | Path, name: str = PRESENCE):
    """Return a network that :func:`save` wrote.

    Raises:
        InputError: there is none in ``folder``.
    """
    path = Path(folder) / "multilabel.json"
    if not path.is_file():
        raise InputError(f"there is no second output in {folder}; make it with `dvc repro` or fetch it with `dvc pull`")
    description = json.loads(path.read_text(encoding="utf-8"))
    network = build(description["features"], description["classes"], **description["network"], name=name)
    network.load_weights(Path(folder) / f"{name}.weights.h5")
    return network
