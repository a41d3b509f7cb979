"""Going on with a pretrained backbone's own training: which of its layers learn, and what became of them.

First a linear classifier on the cached features, then backbone and classifier together at a low rate: so the features
are not torn apart by the gradients of a random classifier (Kumar et al. 2022, https://arxiv.org/abs/2202.10054).
"""

import json
import re
from pathlib import Path

import numpy as np

from scenes.common.checksum import file_hash

WEIGHTS = "finetuned.npz"


def unfreeze(network, blocks: int | None) -> None:
    """Let the last ``blocks`` of an EfficientNetV2's blocks learn, and what follows them; None: all of it.

    Batch normalisation stays as it was trained, in inference mode: the statistics of a few thousand images would
    replace those of a million (https://keras.io/guides/transfer_learning/).

    Args:
        network: what ``scenes.models.backbone.build`` returns; its layers' names begin with ``block<number>`` but for the
            stem's and the top's.
    """
    import keras

    def block(layer) -> int | None:
        match = re.match(r"block(\d+)", layer.name)
        return int(match[1]) if match else None

    network.trainable = True  # else its layers count for nothing
    last = max(number for layer in network.layers if (number := block(layer)) is not None)
    first = 0 if blocks is None else last - blocks + 1
    number = 0  # of the block that a layer is in; the stem counts as block 0, the top as the last one
    for layer in network.layers:
        number = last if layer.name.startswith("top_") else block(layer) or number
        layer.trainable = number >= first and not isinstance(layer, keras.layers.BatchNormalization)


def classifier(embedding, head):
    """Return ``head`` on ``embedding``; see :func:`unfreeze` for what learns.

    In training the blocks' own dropout (stochastic depth) runs, as it did when the backbone was trained.

    Args:
        embedding: keras.Model from images to features (see ``scenes.models.backbone.load``).
        head: keras.Model from features to probabilities.
    """
    import keras

    inputs = keras.Input(embedding.input_shape[1:], name="image")
    return keras.Model(inputs, head(embedding(inputs)), name="classifier")


def save(folder: str | Path, network) -> None:
    """Write into an existing folder the weights of ``network`` that learn, by name; the others are as they came.

    Args:
        network: what :func:`unfreeze` has been applied to; None: nothing was fine-tuned.
    """
    path = Path(folder) / WEIGHTS
    if network is not None:
        np.savez(path, **{variable.path: variable.numpy() for variable in network.trainable_variables})
    description = {"sha256": None if network is None else file_hash(path)}
    (Path(folder) / "finetuned.json").write_text(json.dumps(description) + "\n", encoding="utf-8")


def describe(folder: str | Path) -> str | None:
    """Return the sha256 of the weights that :func:`save` wrote into ``folder``; None if nothing was fine-tuned."""
    return json.loads((Path(folder) / "finetuned.json").read_text(encoding="utf-8"))["sha256"]


def load(folder: str | Path, network) -> None:
    """Put into ``network`` the weights that :func:`save` wrote into ``folder``, if any.

    Raises:
        KeyError: ``network`` has no such weights.
    """
    if describe(folder) is None:
        return
    variables = {variable.path: variable for variable in network.variables}
    with np.load(Path(folder) / WEIGHTS, allow_pickle=False) as file:
        for name in file.files:
            variables[name].assign(file[name])
