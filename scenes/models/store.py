"""A trained model as a folder: model.json says what it is, model.weights.h5 what it learned.

Loading a trained model, of whatever kind.

A trained model with both of its outputs: what a photo is, and what it contains.

The model in production as a folder that needs no code of this project: model.keras, and model.json about it.
"""

import json
from pathlib import Path

from scenes.common.checksum import file_hash
from scenes.common.errors import InputError
from scenes.models import backbone, cnn, finetuning, head, keras_file, multilabel
from scenes.models.temperature import scaled_output


def save_network(folder: str | Path, network, description: dict) -> None:
    """Write ``network`` into an existing folder; equal weights give equal bytes (a .keras file would not).

    Args:
        description: ``kind``, ``input``, ``classes``, ``network`` (the arguments of its builder) and ``temperature``
            (which calibrates its probabilities, see ``scenes.models.temperature``); of a CNN (``kind: cnn``,
            ``input: records``) also ``image_shape``; of a head (``kind: head``, ``input: features``) ``features``
            (its width) and ``backbone`` (see ``scenes.models.features.save_origin``): the backbone itself stays where it is
            and is not copied into each experiment.
    """
    import keras

    folder = Path(folder)
    # A compiled model would write the optimizer's moments as well, which take twice the room of the weights.
    keras.Model(network.inputs, network.outputs, name=network.name).save_weights(folder / "model.weights.h5")
    (folder / "model.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def describe(folder: str | Path) -> dict:
    """Return what model.json in ``folder`` says, see :func:`save_network`.

    Raises:
        InputError: there is no model in ``folder``.
    """
    path = Path(folder) / "model.json"
    if not path.is_file():
        raise InputError(f"there is no model in {folder}; make it with `dvc repro` or fetch it with `dvc pull`")
    return json.loads(path.read_text(encoding="utf-8"))


def hashes(folder: str | Path) -> dict[str, str]:
    """Return the sha256 of each file in ``folder``, by its name."""
    return {path.name: file_hash(path) for path in sorted(Path(folder).iterdir())}


def load_network(folder: str | Path):
    """Return the trained network alone, not calibrated: from uint8 images for a CNN, from features for a head."""
    description = describe(folder)
    classes = len(description["classes"])
    if description["kind"] == "cnn":
        network = cnn.build(description["image_shape"], classes, **description["network"])
    else:
        network = head.build(description["features"], classes, **description["network"])
    network.load_weights(Path(folder) / "model.weights.h5")
    return network


def load(folder: str | Path, data: str | Path = "data"):
    """Return the model in ``folder`` ready to predict, its temperature applied.

    Args:
        data: the folder that holds ``weights`` and ``finetuned``; unused by a CNN.

    Returns:
        keras.Model: uint8 (batch, height, width, 3) to calibrated float32 probabilities (batch, classes); the order of
        the classes is that of ``describe(folder)["classes"]``.

    Raises:
        InputError: the backbone in ``data`` is not the one that the head was trained on.
    """
    import keras

    description, network = describe(folder), load_network(folder)
    if description["kind"] == "cnn":
        inputs, outputs = network.inputs, network.outputs[0]
    else:
        embedding = load_feature_extractor(folder, data)
        inputs, outputs = embedding.inputs, network(embedding.outputs[0])
    return keras.Model(inputs, scaled_output(outputs, description["temperature"]), name="classifier")


def load_feature_extractor(folder: str | Path, data: str | Path):
    """Return the backbone in ``data``, fine-tuned if it was, from images to features.

    Raises:
        InputError: it is not the one that the head in ``folder`` was trained on.
    """
    trained_on, data = describe(folder)["backbone"], Path(data)
    found = backbone.describe(data / "weights")["sha256"], finetuning.describe(data / "finetuned")
    if found != (trained_on["sha256"], trained_on["finetuned"]):
        raise InputError(
            f"{folder} was trained on another backbone than the one in {data}; run `dvc repro` or `dvc checkout`"
        )
    body = backbone.load(data / "weights", trained_on["image_size"])
    finetuning.load(data / "finetuned", body)
    return backbone.feature_extractor(body, test_time_flip=trained_on["test_time_flip"])


def load_multilabel(folder: str | Path, multilabel_folder: str | Path, data: str | Path = "data"):
    """Return the model in ``folder`` as ``scenes.models.store.load`` does, with both outputs.

    Args:
        multilabel_folder: see ``scenes.models.multilabel.save``.
        data: the folder that holds ``weights`` and ``finetuned``; unused by a CNN.

    Returns:
        keras.Model: uint8 (batch, height, width, 3) to a dict of float32 (batch, classes): ``probabilities``,
        calibrated, which sum to 1, and ``presence``, whose scores between 0 and 1 are independent of one another.

    Raises:
        InputError: see ``scenes.models.store.load`` and ``scenes.models.multilabel.load``.
    """
    import keras

    network = load_multilabel_network(folder, multilabel_folder)
    if describe(folder)["kind"] == "cnn":
        inputs, found = network.input, network.output
    else:
        embedding = load_feature_extractor(folder, data)
        inputs, found = embedding.input, network(embedding.output)
    return keras.Model(inputs, {name: found[name] for name in ("probabilities", multilabel.PRESENCE)}, name="both")


def load_multilabel_network(folder: str | Path, multilabel_folder: str | Path):
    """Return the trained network alone, with its second output and the naive one to compare with.

    Args:
        multilabel_folder: see ``scenes.models.multilabel.save``.

    Returns:
        keras.Model: from uint8 images for a CNN, from features for a head, to a dict of float32 (batch, classes):
        ``probabilities``, ``presence`` as in :func:`load_multilabel`, and ``presence_naive``.
    """
    import keras

    description = describe(folder)
    network = load_network(folder)
    seen = cnn.penultimate(network).output if description["kind"] == "cnn" else network.input
    seen = keras.ops.cast(seen, "float32")
    scores = {
        name: multilabel.load(multilabel_folder, name)(seen)
        for name in (multilabel.PRESENCE, multilabel.PRESENCE_NAIVE)
    }
    probabilities = scaled_output(network.output, description["temperature"])
    return keras.Model(network.input, {"probabilities": probabilities, **scores}, name="outputs")


_DESCRIBED = {"model", "classes", "image_shape", "unsure_below", "presence_above"}


def save_production(folder: str | Path, network, description: dict) -> None:
    """Write a model into an existing folder; equal ones give equal bytes.

    Args:
        network: keras.Model from uint8 images (batch, height, width, 3), see ``scenes.models.store.load_multilabel``.
        description: what to know beside the weights: ``model``, which of params.yaml it is; ``classes``, the order of
            the outputs; ``image_shape``, what images were brought to before training; ``unsure_below``, a confidence
            (see ``scenes.evaluation.abstention``); ``presence_above``, the score from which on a photo contains a class (see
            ``scenes.evaluation.multilabel.threshold``).
    """
    folder = Path(folder)
    keras_file.save(folder / "model.keras", network)
    (folder / "model.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_production(folder: str | Path) -> tuple:
    """Return the keras.Model and the description that :func:`save_production` was given.

    Raises:
        InputError: there is no model in ``folder``, or none as :func:`save_production` wrote it.
    """
    path = Path(folder) / "model.json"
    if not path.is_file():
        raise InputError(f"there is no model in {folder}; make it with `dvc repro` or fetch it with `dvc pull`")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        missing = _DESCRIBED - description.keys()
    except (ValueError, AttributeError, RecursionError):  # no JSON, or another value than an object
        missing = _DESCRIBED
    if missing:
        raise InputError(
            f"{path} does not say what belongs to a model ({', '.join(sorted(missing))}); "
            "make it again with `dvc repro` or `dvc pull`"
        )
    return keras_file.load(Path(folder) / "model.keras"), description
