"""A trained model as a folder: model.json says what it is, model.weights.h5 what it learned."""

import json
from pathlib import Path

from scenes.checksum import file_hash
from scenes.errors import InputError


def save(folder: str | Path, network, description: dict) -> None:
    """Write ``network`` into an existing folder; equal weights give equal bytes (a .keras file would not).

    Args:
        description: ``kind``, ``input``, ``classes``, ``network`` (the arguments of its builder) and ``temperature``
            (which calibrates its probabilities, see ``scenes.temperature``); of a CNN (``kind: cnn``,
            ``input: records``) also ``image_shape``; of a head (``kind: head``, ``input: embeddings``) ``features``
            (its width) and ``backbone`` (see ``scenes.embeddings.save_origin``): the backbone itself stays where it is
            and is not copied into each experiment.
    """
    import keras

    folder = Path(folder)
    # A compiled model would write the optimizer's moments as well, which take twice the room of the weights.
    keras.Model(network.inputs, network.outputs, name=network.name).save_weights(folder / "model.weights.h5")
    (folder / "model.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def describe(folder: str | Path) -> dict:
    """Return what model.json in ``folder`` says, see :func:`save`.

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
