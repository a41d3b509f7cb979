"""A trained model in use: photos in, answers out, the same as the pipeline's own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scenes.common.errors import InputError
from scenes.dataset import records
from scenes.evaluation import abstention
from scenes.images import decode
from scenes.models import store

PRODUCTION = "production"  # what the model that `select` chose is called beside those of params.yaml


class Answer(NamedTuple):
    """What a model says of one photo.

    Attributes:
        probabilities: float32 (k,), calibrated, in the order of the classifier's classes.
        presence: float32 (k,), for each class a score from 0 to 1 of whether the photo contains it.
    """

    probabilities: np.ndarray
    presence: np.ndarray


@dataclass(frozen=True)
class Classifier:
    """A model, compiled, and what to know beside it.

    Attributes:
        name: of the model in params.yaml.
        network: keras.Model, see ``scenes.models.store.load``.
        classes: the order of its outputs.
        size: pixels a side of the images it takes.
        unsure_below: a confidence, see ``scenes.evaluation.abstention.threshold``.
        presence_above: the score from which on a photo contains a class.
    """

    name: str
    network: Any
    classes: tuple[str, ...]
    size: int
    unsure_below: float
    presence_above: float

    def __post_init__(self):
        import tensorflow as tf

        # With a shape of its own, so that another number of images is no other graph, and without Python's lock while
        # it computes.
        shape = tf.TensorSpec((None, self.size, self.size, 3), tf.uint8)
        graph = tf.function(lambda pixels: self.network(pixels, training=False), input_signature=[shape])
        object.__setattr__(self, "_compute", graph.get_concrete_function())

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """Return a photo as the model takes it, uint8 (size, size, 3); see ``scenes.images.decode.fit``."""
        return decode.fit(pixels, self.size)

    def predict(self, prepared: Sequence[np.ndarray]) -> list[Answer]:
        """Return an answer for each photo, all computed at once.

        Args:
            prepared: uint8 (size, size, 3) each; how many at once is for the caller to bound.
        """
        import tensorflow as tf

        found = self._compute(tf.constant(np.stack(prepared)))
        return list(map(Answer, found["probabilities"].numpy(), found["presence"].numpy()))

    def confidence(self, answer: Answer) -> float:
        """Return the probability of the class named, as ``scenes.evaluation.abstention.confidence`` rounds it."""
        return float(abstention.confidence(answer.probabilities[None])[0])

    def unsure(self, answer: Answer) -> bool:
        """Whether the confidence is below the threshold that was chosen on validation."""
        return self.confidence(answer) < self.unsure_below

    def top(self, answer: Answer, k: int) -> list[tuple[str, float]]:
        """Return the ``k`` classes of most probability with it, the first being the answer."""
        order = np.argsort(-answer.probabilities, kind="stable")[:k]
        return [(self.classes[index], float(answer.probabilities[index])) for index in order]

    def contained(self, answer: Answer) -> list[str]:
        """Return the classes that the photo contains by the model's second output, the likeliest first."""
        order = np.argsort(-answer.presence, kind="stable")
        return [self.classes[index] for index in order if answer.presence[index] >= self.presence_above]


def available_models(root: str | Path) -> list[str]:
    """Return what :func:`load` takes: the model in production, and those that are there to be compared with it."""
    root = Path(root)
    there = [PRODUCTION] if (root / "models/production/model.json").is_file() else []
    return there + sorted(path.stem for path in (root / "data/validation_scores").glob("*.json"))


def fingerprint(root: str | Path, name: str) -> tuple:
    """Return what differs as soon as another model of that name lies in ``root``: of each of its files, which it is.

    No file is read, so asking costs nothing. What differs need not be another model, if the same was written again.
    """
    root = Path(root)
    folders = (
        [root / "models/production"]
        if name == PRODUCTION
        else [root / "models" / name, root / "models/multilabel" / name]
    )
    files = [path for folder in folders for path in sorted(folder.glob("*"))]
    if name != PRODUCTION:
        files.append(root / "data/validation_scores" / f"{name}.json")
    return tuple(_identity(path) for path in files)


def _identity(path: Path) -> tuple:
    try:
        found = path.stat()
    except FileNotFoundError:  # it is being replaced
        return (path.name,)
    return path.name, found.st_ino, found.st_size, found.st_mtime_ns


def load(root: str | Path, name: str, *, unsure_below: str) -> Classifier:
    """Return a model of the pipeline in ``root``.

    Args:
        name: one of :func:`available_models`.
        unsure_below: which threshold a model has that is not in production: what ``select.unsure_below`` says.

    Raises:
        InputError: it is not there.
    """
    root = Path(root)
    if name == PRODUCTION:
        return from_folder(root / "models/production")
    file = root / "data/validation_scores" / f"{name}.json"
    if not file.is_file() or not (root / "data/records/index.json").is_file():
        raise InputError(
            f"there is no model {name!r}; make it with `dvc repro evaluate@{name}` or fetch it with `dvc pull`"
        )
    candidate = json.loads(file.read_text(encoding="utf-8"))
    folder = root / "models" / name
    description = store.describe(folder)
    try:
        network = store.load(folder, root / "data", root / "models/multilabel" / name)
    except (OSError, KeyError, ValueError) as error:  # a part was not fetched, or is damaged
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"the model {name} can't be loaded ({why:.200}); "
            "fetch all of it with `dvc pull` or make it with `dvc repro`"
        ) from None
    return Classifier(
        name=name,
        network=network,
        classes=tuple(description["classes"]),
        size=records.open_records(root / "data/records", "val").image_shape[0],
        unsure_below=candidate["val"]["abstention"][unsure_below]["confidence"],
        presence_above=candidate["presence_above"],
    )


def from_folder(folder: str | Path) -> Classifier:
    """Return the model in a folder such as ``models/production``.

    Raises:
        InputError: there is none.
    """
    network, description = store.load_production(folder)
    return Classifier(
        name=description["model"],
        network=network,
        classes=tuple(description["classes"]),
        size=description["image_shape"][0],
        unsure_below=description["unsure_below"],
        presence_above=description["presence_above"],
    )
