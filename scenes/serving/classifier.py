"""A trained model in use: photos in, answers out, the same as those of the pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scenes.common.errors import InputError
from scenes.evaluation import abstention, novelty
from scenes.evaluation.presence import CONTAINED, PresenceCalibration
from scenes.images import decode
from scenes.models import store, training_distance

if TYPE_CHECKING:
    import keras


class Answer(NamedTuple):
    """A model's answer about one photo.

    Attributes:
        probabilities: float32 (k,), calibrated, in the order of the classifier's classes.
        presence: float64 (k,), how probably the photo contains each class.
        distance: to the nearest training image, see ``scenes.models.training_distance``; None: not known.
    """

    probabilities: np.ndarray
    presence: np.ndarray
    distance: float | None = None


@dataclass(frozen=True)
class Classifier:
    """A model, compiled, with its classes and thresholds.

    Making one raises a ValueError if they do not fit the network.

    Attributes:
        name: its name in params.yaml.
        network: from uint8 images to probabilities, see ``scenes.models.store.load``.
        classes: the order of its outputs.
        size: height and width of its images in pixels.
        fit: how photos of another shape get this size, see ``scenes.images.decode.fit``.
        calibrated: whether its probabilities are, see ``scenes.models.temperature``.
        unsure_below: a confidence, see ``scenes.evaluation.abstention.threshold``; None: there is none.
        presence_calibration: from the probabilities of the classes to those of their presence.
        drawn: whether it learned from drawings.
        unlike_above: a distance, see ``scenes.evaluation.novelty.threshold``; None: there is none.
        training: features of its training images, see ``scenes.models.training_distance``; None: distances are unknown.
    """

    name: str
    network: "keras.Model"
    classes: tuple[str, ...]
    size: int
    fit: str
    calibrated: bool
    unsure_below: float | None
    presence_calibration: PresenceCalibration
    drawn: bool = False
    unlike_above: float | None = None
    training: np.ndarray | None = field(default=None, repr=False, compare=False)
    _compute: Any = field(init=False, repr=False, compare=False)  # from uint8 (batch, size, size, 3) to the outputs

    def __post_init__(self) -> None:
        import tensorflow as tf

        takes, gives = self.network.input_shape, self.network.output_shape
        # A model with a backbone begins with a resize, so it takes images of any size.
        if takes not in ((None, self.size, self.size, 3), (None, None, None, 3)) or gives != (None, len(self.classes)):
            raise ValueError(f"shapes {takes} and {gives} are not those described")
        if self.fit not in decode.FIT_METHODS:
            raise ValueError(f"no way to fit: {self.fit}")
        presence = np.array(self.presence_calibration, float)
        thresholds = np.array([self.unsure_below or 0, self.unlike_above or 0], float)
        if presence.shape != (2, len(self.classes)) or not np.isfinite([*presence.flat, *thresholds]).all():
            raise ValueError("numbers for other classes")
        # A fixed signature avoids retracing when the batch size changes, and runs without the GIL.
        shape = tf.TensorSpec((None, self.size, self.size, 3), tf.uint8)
        network = training_distance.with_distance(self.network, self.training)
        graph = tf.function(lambda pixels: network(pixels, training=False), input_signature=[shape])
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

        outputs = {name: values.numpy() for name, values in self._compute(tf.constant(np.stack(prepared))).items()}
        probabilities, distances = outputs["probabilities"], outputs.get("distance", [None] * len(prepared))
        return list(map(Answer, probabilities, self.presence_calibration.presence(probabilities), distances))

    def confidence(self, answer: Answer) -> float:
        """Return the largest probability, rounded by ``scenes.evaluation.abstention.confidence``."""
        return float(abstention.confidence(answer.probabilities[None])[0])

    def unsure(self, answer: Answer) -> bool | None:
        """Return whether the confidence is below the threshold that was chosen on validation; None: there is none."""
        return None if self.unsure_below is None else self.confidence(answer) < self.unsure_below

    def unlike(self, answer: Answer) -> bool | None:
        """Return whether the photo is farther from the training images than the threshold; None: that is unknown."""
        if answer.distance is None or self.unlike_above is None:
            return None
        return bool(novelty.unlike(np.array(answer.distance), self.unlike_above))

    def top(self, answer: Answer, k: int | None) -> list[tuple[str, float]]:
        """Return the ``k`` most probable classes with their probabilities, the most probable first; None: all."""
        order = np.argsort(-answer.probabilities, kind="stable")[:k]
        return [(self.classes[index], float(answer.probabilities[index])) for index in order]

    def contained(self, answer: Answer) -> list[tuple[str, float]]:
        """Return the classes that the photo contains and how probable that is, the most probable first."""
        return [(name, probability) for name, probability in self.presence(answer) if probability >= CONTAINED]

    def presence(self, answer: Answer) -> list[tuple[str, float]]:
        """Return all classes and how probably the photo contains each, the most probable first."""
        order = np.argsort(-answer.presence, kind="stable")
        return [(self.classes[index], float(answer.presence[index])) for index in order]


def from_folder(folder: str | Path) -> Classifier:
    """Return the model in a folder with model.keras and model.json, see ``scenes.models.store.save_production``.

    Raises:
        InputError: one of the files is missing or damaged, or they are of different models.
    """
    network, description = store.load_production(folder)
    training = store.load_training_features(folder)
    try:
        training_distance.with_distance(network, training)
    except ValueError:  # another number of features
        raise InputError(
            f"{Path(folder, 'training_features.npy')} does not fit the model.keras beside it; copy both from one folder"
        ) from None
    try:
        return Classifier(
            name=description["model"],
            network=network,
            classes=tuple(description["classes"]),
            size=description["image_shape"][0],
            fit=description["fit"],
            calibrated=description["calibrated"],
            unsure_below=description["unsure_below"],
            presence_calibration=PresenceCalibration(**description["presence"]),
            drawn=description["drawn"],
            unlike_above=description["unlike_above"],
            training=training,
        )
    except (LookupError, TypeError, ValueError):
        raise InputError(
            f"{Path(folder, 'model.json')} does not fit the model.keras beside it; copy both from one folder"
        ) from None
