"""Answers about photos as text: a line for a person, a line of JSON, or rows of CSV."""

import io
import json
from collections.abc import Sequence

import numpy as np

from scenes.common.tables import write_csv
from scenes.evaluation import prediction_table
from scenes.evaluation.presence import MIN_CLASSES
from scenes.serving.classifier import Classifier
from scenes.serving.stream import Answered


def text_line(photo: Answered, model: Classifier, top_k: int | None) -> str:
    """Return a line for a person: the ``top_k`` most probable classes (None: all), and those that the photo contains.

    Of fewer than ``MIN_CLASSES`` classes, whether a photo contains one says nothing more, and it is left out.
    """
    classes = ", ".join(f"{name} {probability:.1%}" for name, probability in model.top(photo.answer, top_k))
    remarks = "damaged; " * photo.damaged + "unsure; " * bool(model.unsure(photo.answer))
    remarks += "unlike the training images; " * bool(model.unlike(photo.answer))
    notes = " (not calibrated)" * (not model.calibrated) + " (learned from drawings)" * model.drawn
    line = f"{photo.name}: {remarks}{classes}{notes}"
    if len(model.classes) < MIN_CLASSES:
        return line
    return f"{line}; contains {', '.join(name for name, _ in model.contained(photo.answer)) or 'none of the classes'}"


def json_line(photo: Answered, model: Classifier, top_k: int | None) -> str:
    """Return a JSON object on one line (https://jsonlines.org), with scores of six decimals.

    ``top`` has the ``top_k`` most probable classes; None: all. ``unsure`` and ``unlike_training`` are null without a
    threshold. ``presence`` is left out as in :func:`text_line`, and ``distance`` and ``unlike_training`` if they are
    not known.
    """
    (best, _), *_ = top = model.top(photo.answer, top_k)
    said = {
        "key": photo.name,
        "class": best,
        "confidence": model.confidence(photo.answer),
        "calibrated": model.calibrated,
        "unsure": model.unsure(photo.answer),
        "damaged": photo.damaged,
        "learned_from_drawings": model.drawn,
        "top": [{"class": name, "probability": round(probability, 6)} for name, probability in top],
    }
    if len(model.classes) >= MIN_CLASSES:
        scores = zip(model.classes, photo.answer.presence.tolist(), strict=True)
        said["presence"] = {name: round(score, 6) for name, score in scores}
    if photo.answer.distance is not None:
        said |= {"distance": round(float(photo.answer.distance), 6), "unlike_training": model.unlike(photo.answer)}
    return json.dumps(said)


def csv_rows(answered: Sequence[Answered], model: Classifier, *, header: bool) -> str:
    """Return rows like those of data/predictions.csv, see ``scenes.evaluation.prediction_table``."""
    table = prediction_table.build(
        [photo.name for photo in answered],
        np.array([photo.answer.probabilities for photo in answered]).reshape(-1, len(model.classes)),
        np.array([photo.answer.presence for photo in answered]).reshape(-1, len(model.classes)),
        model.classes,
        unsure_below=model.unsure_below,
        drawn=model.drawn,
        distance=None if model.training is None else np.array([photo.answer.distance for photo in answered], float),
        unlike_above=model.unlike_above,
    )
    stream = io.StringIO()
    write_csv(stream, table, header=header)
    return stream.getvalue()
