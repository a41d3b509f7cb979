"""The model in production as a folder that needs no code of this project: model.keras, and model.json about it."""

import json
from pathlib import Path

from scenes import keras_file
from scenes.errors import InputError

_DESCRIBED = {"model", "classes", "image_shape", "unsure_below", "contains_above"}


def save(folder: str | Path, network, description: dict) -> None:
    """Write a model into an existing folder; equal ones give equal bytes.

    Args:
        network: keras.Model from uint8 images (batch, height, width, 3), see ``scenes.outputs.load``.
        description: what to know beside the weights: ``model``, which of params.yaml it is; ``classes``, the order of
            the outputs; ``image_shape``, what images were brought to before training; ``unsure_below``, a confidence
            (see ``scenes.coverage``); ``contains_above``, the score from which on a photo contains a class (see
            ``scenes.contains_metrics.threshold``).
    """
    folder = Path(folder)
    keras_file.save(folder / "model.keras", network)
    (folder / "model.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load(folder: str | Path) -> tuple:
    """Return the keras.Model and the description that :func:`save` was given.

    Raises:
        InputError: there is no model in ``folder``, or none as :func:`save` wrote it.
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
