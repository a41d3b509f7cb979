"""Fine-tuning a pretrained backbone: which layers are trainable, and saving the fine-tuned weights.

A linear classifier is fitted to the frozen features first, then backbone and classifier are trained together at a low
rate: the gradients of a random classifier would distort the features (Kumar et al. 2022,
https://arxiv.org/abs/2202.10054).
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.common.checksum import file_hash
from scenes.common.tables import write_json
from scenes.models.description import read_description

if TYPE_CHECKING:
    import keras

WEIGHTS = "finetuned.npz"
_DESCRIPTION = "finetuned.json"


def unfreeze(network: "keras.Model", blocks: int | None) -> None:
    """Make the last ``blocks`` of an EfficientNet and the layers after them trainable; None: all layers.

    Batch normalisation stays frozen, in inference mode: statistics of a few thousand images would replace those of a
    million (https://keras.io/guides/transfer_learning/).

    Args:
        network: see ``scenes.models.backbone.build``; the names of its layers begin with ``block<number>``, except
            those of the stem and the top.
    """
    import keras

    def block(layer: Any) -> int | None:
        match = re.match(r"block(\d+)", layer.name)
        return int(match[1]) if match else None

    network.trainable = True  # a frozen model hides the flags of its layers
    last = max(number for layer in network.layers if (number := block(layer)) is not None)
    first = 0 if blocks is None else last - blocks + 1
    number = 0  # block of the current layer; the stem counts as block 0, the top as the last one
    for layer in network.layers:
        number = last if layer.name.startswith("top_") else block(layer) or number
        layer.trainable = number >= first and not isinstance(layer, keras.layers.BatchNormalization)


def classifier(extractor: "keras.Model", head: "keras.Model") -> "keras.Model":
    """Return ``head`` on ``extractor``; :func:`unfreeze` decides which layers are trained.

    Stochastic depth, the dropout of the blocks, is active in training, as it was when the backbone was trained.

    Args:
        extractor: from images to features, see ``scenes.models.backbone.feature_extractor``.
        head: from features to probabilities.
    """
    import keras

    inputs = keras.Input(extractor.input_shape[1:], name="image")
    return keras.Model(inputs, head(extractor(inputs)), name="classifier")


def save(folder: str | Path, network: "keras.Model | None") -> None:
    """Write the trainable weights of ``network`` by name into an existing folder; the others have not changed.

    Args:
        network: after :func:`unfreeze`; None: nothing was fine-tuned.
    """
    path = Path(folder) / WEIGHTS
    if network is not None:
        weights: dict[str, Any] = {variable.path: variable.numpy() for variable in network.trainable_variables}
        np.savez(path, **weights)
    write_json(Path(folder) / _DESCRIPTION, {"sha256": None if network is None else file_hash(path)})


def weights_hash(folder: str | Path) -> str | None:
    """Return the sha256 of the weights that :func:`save` wrote to ``folder``; None if nothing was fine-tuned.

    Raises:
        InputError: finetuned.json is missing or damaged.
    """
    return read_description(Path(folder) / _DESCRIPTION, "fine-tuned backbone", ("sha256",))["sha256"]


def load(folder: str | Path, network: "keras.Model") -> None:
    """Assign the weights that :func:`save` wrote to ``folder``, if any, to ``network``.

    Raises:
        InputError: see :func:`weights_hash`.
        KeyError: ``network`` has no weights of these names.
    """
    if weights_hash(folder) is None:
        return
    variables = {variable.path: variable for variable in network.variables}
    with np.load(Path(folder) / WEIGHTS, allow_pickle=False) as file:
        for name in file.files:
            variables[name].assign(file[name])
