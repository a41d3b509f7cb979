"""Saving and opening trained models: ``model.json`` describes a model, the file beside it holds its weights.

A trained network is saved by its weights; those of a linear model leave out its backbone, which is not copied into each
experiment. The model in production is one .keras file, backbone included, that needs no code of this project.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.backbones import backbone, weights_file
from scenes.backbones.features import describe_features
from scenes.common.arrays import load_arrays
from scenes.common.errors import InputError
from scenes.common.outputs import checked, damaged
from scenes.common.tables import read_json, write_json
from scenes.models import cnn, keras_file, linear, training_distance
from scenes.models.temperature import scaled_output

if TYPE_CHECKING:
    import keras
    import numpy as np

_DESCRIPTION = "model.json"
_WEIGHTS = "model.weights.h5"
_PRODUCTION = "model.keras"
_TRAINING = "training_features.npy"
_PRODUCTION_KEYS = (
    "model",
    "classes",
    "image_shape",
    "fit",
    "drawn",
    "calibrated",
    "unsure_below",
    "unlike_above",
    "presence",
)


def save_network(folder: str | Path, network: "keras.Model", description: dict[str, Any]) -> None:
    """Write ``network`` into an existing folder; equal weights give equal bytes.

    Args:
        description: ``kind`` (``cnn`` or ``linear``), ``input`` (``records`` or ``features/<set>``), ``classes``,
            ``temperature`` and ``calibrated`` (see ``scenes.models.temperature``); of a CNN also ``network`` (arguments
            of its builder) and ``image_shape``, that of the records; of a linear model also ``C``, ``features``, the
            width of its input, and ``backbone``, see ``scenes.backbones.features.describe_features``.
    """
    import keras

    folder = Path(folder)
    # A compiled model would also write the optimizer's moments, which are twice as large as the weights.
    weights_file.save(keras.Model(network.inputs, network.outputs, name=network.name), folder / _WEIGHTS)
    write_json(folder / _DESCRIPTION, description)


def describe(folder: str | Path) -> dict[str, Any]:
    """Return the description that :func:`save_network` wrote to ``folder``.

    Raises:
        InputError: model.json is missing or damaged.
    """
    return read_json(Path(folder) / _DESCRIPTION)


def load_network(folder: str | Path) -> "keras.Model":
    """Return the trained network, not calibrated: from uint8 images for a CNN, from features for a linear model.

    Raises:
        InputError: see :func:`describe`; or the file of weights is missing or damaged.
    """
    description, path = describe(folder), Path(folder) / _WEIGHTS
    classes = len(description["classes"])
    if description["kind"] == "cnn":
        network = cnn.build(description["image_shape"], classes, **description["network"])
    else:
        network = linear.build(description["features"], classes)
    try:
        network.load_weights(checked(path))
    except (KeyError, OSError, ValueError):  # h5py's and Keras' errors about a file of another kind or network
        raise damaged(path) from None
    return network


def load(folder: str | Path, data: str | Path) -> "keras.Model":
    """Return the whole model, calibrated if it can be, from images to probabilities.

    Args:
        data: holds ``features/<set>`` with the backbone of a linear model; not read for a CNN.

    Returns:
        From uint8 (batch, height, width, 3) to float32 (batch, classes), in the order of ``classes`` in
        :func:`describe`.

    Raises:
        InputError: see :func:`load_network`; or the features in ``data`` are not those that the model was trained on.
    """
    import keras

    inputs, output = _on_images(load_network(folder), folder, data)
    return keras.Model(inputs, scaled_output(output, describe(folder)["temperature"]), name="classifier")


def _on_images(network: "keras.Model", folder: str | Path, data: str | Path) -> tuple[Any, Any]:
    """Return the symbolic input for images, and the output of ``network`` on top of its backbone, if it has one."""
    import keras

    description = describe(folder)
    if description["kind"] == "cnn":
        return network.input, network.output
    features = Path(data) / description["input"]
    if describe_features(features) != description["backbone"]:
        raise InputError(
            f"{folder} was trained on a backbone other than the one in {features}; run `dvc repro` or `dvc checkout`"
        )
    extractor = backbone.open_extractor(features)
    named = keras.layers.Identity(name=training_distance.FEATURES)(extractor.output)
    return extractor.input, network(named)


def save_production(folder: str | Path, network: "keras.Model", description: dict[str, Any]) -> None:
    """Write the model in production into an existing folder; equal models give equal bytes.

    Args:
        network: from uint8 images (batch, height, width, 3) to probabilities, see :func:`load`.
        description: ``model`` (its name in params.yaml), ``classes`` (the order of the outputs), ``image_shape`` (of
            the images it was trained on), ``fit`` (how pictures get that shape, see ``scenes.images.decode.fit``),
            ``drawn`` (whether it learned from drawings), ``calibrated`` (whether its probabilities are, see
            ``scenes.models.temperature``), ``unsure_below`` (a confidence, or None if it is never unsure, see
            ``scenes.evaluation.abstention``), ``unlike_above`` (a distance, or None, see
            ``scenes.evaluation.novelty``) and ``presence`` (slopes and intercepts, see
            ``scenes.evaluation.presence``).
    """
    folder = Path(folder)
    keras_file.save(folder / _PRODUCTION, network)
    write_json(folder / _DESCRIPTION, description)


def load_production(folder: str | Path) -> "tuple[keras.Model, dict[str, Any]]":
    """Return the model and the description that :func:`save_production` wrote to ``folder``.

    Raises:
        InputError: model.json or model.keras is missing or damaged.
    """
    description = describe_production(folder)
    return keras_file.load(Path(folder) / _PRODUCTION), description


def describe_production(folder: str | Path) -> dict[str, Any]:
    """Return the description that :func:`save_production` wrote to ``folder``.

    Raises:
        InputError: model.json is missing or damaged.
    """
    return read_json(Path(folder) / _DESCRIPTION, _PRODUCTION_KEYS)


def save_training_features(folder: str | Path, features: "np.ndarray") -> None:
    """Write the features of training images beside the model in production; equal features give equal bytes.

    Args:
        features: float16 (m, d), see ``scenes.models.training_distance.choose``.
    """
    import numpy as np

    np.save(Path(folder) / _TRAINING, features)


def load_training_features(folder: str | Path) -> "np.ndarray | None":
    """Return the array that :func:`save_training_features` wrote to ``folder``; None if it is not there.

    Raises:
        InputError: the file is damaged.
    """
    path = Path(folder) / _TRAINING
    return load_arrays(path) if path.exists() else None
