"""A trained model in use: photos in, answers out, the same as the pipeline's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scenes.evaluation import abstention
from scenes.images import decode
from scenes.models import store


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

    def __post_init__(self) -> None:
        import tensorflow as tf

        # A fixed signature avoids retracing when the batch size changes, and runs without the GIL.
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

        outputs = self._compute(tf.constant(np.stack(prepared)))
        return list(map(Answer, outputs["probabilities"].numpy(), outputs["presence"].numpy()))

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


def from_folder(folder: str | Path) -> Classifier:
    """Return the model in a folder that has model.keras and model.json, see ``scenes.models.store``.

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
