"""A trained model in use: photos in, answers out, the same as those of the pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scenes.evaluation import abstention
from scenes.evaluation.platt import PlattScaling
from scenes.images import decode
from scenes.models import store

if TYPE_CHECKING:
    import keras


class Answer(NamedTuple):
    """A model's answer about one photo.

    Attributes:
        probabilities: float32 (k,), calibrated, in the order of the classifier's classes.
        presence: float32 (k,), for each class a score from 0 to 1: does the photo contain it?
    """

    probabilities: np.ndarray
    presence: np.ndarray


@dataclass(frozen=True)
class Classifier:
    """A model, compiled, with its classes and thresholds.

    Attributes:
        name: its name in params.yaml.
        network: with both outputs, see ``scenes.models.store.load``.
        classes: the order of its outputs.
        size: height and width of its images in pixels.
        fit: how photos of another shape get this size, see ``scenes.images.decode.fit``.
        calibrated: whether its probabilities are, see ``scenes.models.temperature``.
        unsure_below: a confidence, see ``scenes.evaluation.abstention.threshold``.
        presence_above: the lowest score of a class that a photo contains.
        presence_calibration: from these scores to probabilities.
    """

    name: str
    network: "keras.Model"
    classes: tuple[str, ...]
    size: int
    fit: str
    calibrated: bool
    unsure_below: float
    presence_above: float
    presence_calibration: PlattScaling
    _compute: Any = field(init=False, repr=False, compare=False)  # from uint8 (batch, size, size, 3) to the outputs

    def __post_init__(self) -> None:
        import tensorflow as tf

        # A fixed signature avoids retracing when the batch size changes, and runs without the GIL.
        shape = tf.TensorSpec((None, self.size, self.size, 3), tf.uint8)
        graph = tf.function(lambda pixels: self.network(pixels, training=False), input_signature=[shape])
        object.__setattr__(self, "_compute", graph.get_concrete_function())

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """Return a photo at the model's size, uint8 (size, size, 3); see ``scenes.images.decode.fit``."""
        return decode.fit(pixels, self.size, self.fit)

    def predict(self, prepared: Sequence[np.ndarray]) -> list[Answer]:
        """Return an answer for each photo, all computed in one batch, whose size the caller limits.

        Args:
            prepared: uint8 (size, size, 3) each, see :meth:`prepare`.
        """
        import tensorflow as tf

        outputs = self._compute(tf.constant(np.stack(prepared)))
        return list(map(Answer, outputs["probabilities"].numpy(), outputs["presence"].numpy()))

    def confidence(self, answer: Answer) -> float:
        """Return the largest probability, rounded by ``scenes.evaluation.abstention.confidence``."""
        return float(abstention.confidence(answer.probabilities[None])[0])

    def unsure(self, answer: Answer) -> bool:
        """Return whether the confidence is below the threshold that was chosen on validation."""
        return self.confidence(answer) < self.unsure_below

    def top(self, answer: Answer, k: int) -> list[tuple[str, float]]:
        """Return the ``k`` most probable classes with their probabilities, the most probable first."""
        order = np.argsort(-answer.probabilities, kind="stable")[:k]
        return [(self.classes[index], float(answer.probabilities[index])) for index in order]

    def contained(self, answer: Answer) -> list[tuple[str, float]]:
        """Return the classes that the photo contains with their calibrated probabilities, the most probable first."""
        count = np.count_nonzero(answer.presence >= self.presence_above)
        return self.presence(answer)[:count]

    def presence(self, answer: Answer) -> list[tuple[str, float]]:
        """Return all classes and how probably the photo contains each, calibrated, the most probable first."""
        order = np.argsort(-answer.presence, kind="stable")
        probabilities = self.presence_calibration.probabilities(answer.presence)
        return [(self.classes[index], float(probabilities[index])) for index in order]


def from_folder(folder: str | Path) -> Classifier:
    """Return the model in a folder with model.keras and model.json, see ``scenes.models.store.save_production``.

    Raises:
        InputError: one of the files is missing or damaged.
    """
    network, description = store.load_production(folder)
    return Classifier(
        name=description["model"],
        network=network,
        classes=tuple(description["classes"]),
        size=description["image_shape"][0],
        fit=description["fit"],
        calibrated=description["calibrated"],
        unsure_below=description["unsure_below"],
        presence_above=description["presence_above"],
        presence_calibration=PlattScaling(**description["presence_calibration"]),
    )
