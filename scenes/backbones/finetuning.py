"""Fine-tuning a pretrained backbone: which layers are trainable, and saving the fine-tuned weights.

A linear classifier is fitted to the frozen features first, then backbone and classifier are trained together at a low
rate: the gradients of a random classifier would distort the features (Kumar et al. 2022,
https://arxiv.org/abs/2202.10054).
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.backbones.feature_maps import block_number
from scenes.common.arrays import load_arrays
from scenes.common.checksum import file_hash
from scenes.common.errors import InputError
from scenes.common.tables import read_json, write_json

if TYPE_CHECKING:
    import keras

WEIGHTS = "finetuned.npz"
_DESCRIPTION = "finetuned.json"


def unfreeze(network: "keras.Model", blocks: int | None) -> None:
    """Make the last ``blocks`` of a network and the layers after them trainable; None: all layers.

    Batch normalisation stays frozen, in inference mode: statistics of a few thousand images would replace those of a
    million (https://keras.io/guides/transfer_learning/).

    Args:
        network: see ``scenes.backbones.backbone.build``; of networks side by side each has its own blocks. For a
            number, the names of its layers begin with ``block<number>`` from 1, except those of the stem and the top.

    Raises:
        InputError: the layers have other names, and ``blocks`` is a number.
    """
    import keras

    network.trainable = True  # a frozen model hides the flags of its layers
    for part in _parts(network):
        layers = [layer for layer in part.layers if not hasattr(layer, "layers")]
        numbers = {number for layer in layers if (number := block_number(layer)) is not None}
        last = max(numbers, default=0)
        if blocks is not None and (not numbers or numbers != set(range(1, last + 1))):
            raise InputError(
                f"finetune.blocks: the layers of {part.name} are not named block1, block2 and so on; set blocks to "
                "null, which fine-tunes all of it"
            )
        first = 0 if blocks is None else last - blocks + 1
        number = 0  # block of the current layer; the stem counts as block 0, the top as the last one
        for layer in layers:
            number = last if layer.name.startswith("top_") else block_number(layer) or number
            layer.trainable = number >= first and not isinstance(layer, keras.layers.BatchNormalization)


def _parts(network: "keras.Model") -> "Iterator[keras.Model]":
    """Yield the network and the models inside it, without those that have no weights of their own."""
    inside = [layer for layer in network.layers if hasattr(layer, "layers")]
    if any(layer.weights for layer in network.layers if layer not in inside):
        yield network
    for each in inside:
        yield from _parts(each)


def classifier(extractor: "keras.Model", head: "keras.Model") -> "keras.Model":
    """Return ``head`` on ``extractor``; :func:`unfreeze` decides which layers are trained.

    Stochastic depth, the dropout of the blocks, is active in training, as it was when the backbone was trained.

    Args:
        extractor: from images to features, see ``scenes.backbones.backbone.feature_extractor``.
        head: from features to probabilities.
    """
    import keras

    inputs = keras.Input(extractor.input_shape[1:], name="image")
    return keras.Model(inputs, head(extractor(inputs)), name="classifier")


def save(folder: str | Path, network: "keras.Model | None") -> None:
    """Write the trainable weights of ``network`` into an existing folder; the others have not changed.

    Args:
        network: after :func:`unfreeze`; None: nothing was fine-tuned.
    """
    path = Path(folder) / WEIGHTS
    if network is not None:
        trainable = {id(variable) for variable in network.trainable_variables}
        weights: dict[str, Any] = {
            name: each.numpy() for name, each in _variables(network).items() if id(each) in trainable
        }
        np.savez(path, **weights)
    write_json(Path(folder) / _DESCRIPTION, {"sha256": None if network is None else file_hash(path)})


def _variables(network: "keras.Model") -> "dict[str, keras.Variable]":
    """Return the variables by names that are the same in every process.

    These are their paths, without the number that Keras gives layers without a name, which depends on what the process
    built before. Of equal paths, as in networks side by side, the second ends in ``:2`` and so on.
    """
    counts: Counter[str] = Counter()
    variables = {}
    for variable in network.variables:
        path = re.sub(r"_\d+(?=/)", "", variable.path)
        counts[path] += 1
        variables[path if counts[path] == 1 else f"{path}:{counts[path]}"] = variable
    return variables


def weights_hash(folder: str | Path) -> str | None:
    """Return the sha256 of the weights that :func:`save` wrote to ``folder``; None if nothing was fine-tuned.

    Raises:
        InputError: finetuned.json is missing or damaged.
    """
    return read_json(Path(folder) / _DESCRIPTION)["sha256"]


def load(folder: str | Path, network: "keras.Model") -> None:
    """Assign the weights that :func:`save` wrote to ``folder``, if any, to ``network``.

    Raises:
        InputError: see :func:`weights_hash`; or the file of weights is missing or damaged.
        KeyError: ``network`` has no weights of these names.
    """
    expected = weights_hash(folder)
    if expected is None:
        return
    variables = _variables(network)
    for name, weights in load_arrays(Path(folder) / WEIGHTS, expected).items():
        variables[name].assign(weights)
