"""A trained model with both of its outputs: what a photo is, and what it contains."""

from pathlib import Path

from scenes import cnn, contains, model
from scenes.model_folder import describe
from scenes.temperature import scaled_output


def load(folder: str | Path, contains_folder: str | Path, data: str | Path = "data"):
    """Return the model in ``folder`` as ``scenes.model.load`` does, with both outputs.

    Args:
        contains_folder: see ``scenes.contains.save``.
        data: the folder that holds ``weights`` and ``finetuned``; unused by a CNN.

    Returns:
        keras.Model: uint8 (batch, height, width, 3) to a dict of float32 (batch, classes): ``probabilities``,
        calibrated, which sum to 1, and ``contains``, whose scores between 0 and 1 are independent of one another.

    Raises:
        InputError: see ``scenes.model.load`` and ``scenes.contains.load``.
    """
    import keras

    network = load_network(folder, contains_folder)
    if describe(folder)["kind"] == "cnn":
        inputs, found = network.input, network.output
    else:
        embedding = model.load_embedding(folder, data)
        inputs, found = embedding.input, network(embedding.output)
    return keras.Model(inputs, {name: found[name] for name in ("probabilities", contains.CHOSEN)}, name="both")


def load_network(folder: str | Path, contains_folder: str | Path):
    """Return the trained network alone, with its second output and the naive one to compare with.

    Args:
        contains_folder: see ``scenes.contains.save``.

    Returns:
        keras.Model: from uint8 images for a CNN, from features for a head, to a dict of float32 (batch, classes):
        ``probabilities``, ``contains`` as in :func:`load`, and ``contains_naive``.
    """
    import keras

    description = describe(folder)
    network = model.load_network(folder)
    seen = cnn.penultimate(network).output if description["kind"] == "cnn" else network.input
    seen = keras.ops.cast(seen, "float32")
    scores = {name: contains.load(contains_folder, name)(seen) for name in (contains.CHOSEN, contains.NAIVE)}
    probabilities = scaled_output(network.output, description["temperature"])
    return keras.Model(network.input, {"probabilities": probabilities, **scores}, name="outputs")
