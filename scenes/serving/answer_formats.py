"""Answers about photos as text: a line for a person, JSON, or rows of CSV."""

import json
from collections.abc import Sequence

import numpy as np

from scenes.evaluation import prediction_table
from scenes.serving.classifier import Classifier
from scenes.serving.stream import Answered


def text(photo: Answered, model: Classifier, top_k: int) -> str:
    """Return a line for a person."""
    named = ", ".join(f"{name} {probability:.1%}" for name, probability in model.top(photo.answer, top_k))
    contained = ", ".join(model.contained(photo.answer)) or "none of the classes"
    unsure = "unsure; " if model.unsure(photo.answer) else ""
    return f"{photo.name}: {unsure}{named}; contains {contained}"


def json_line(photo: Answered, model: Classifier, top_k: int) -> str:
    """Return an object on one line (https://jsonlines.org), scores in six decimals."""
    (best, _), *_ = top = model.top(photo.answer, top_k)
    scores = zip(model.classes, photo.answer.presence.tolist(), strict=True)
    return json.dumps(
        {
            "key": photo.name,
            "class": best,
            "confidence": model.confidence(photo.answer),
            "unsure": model.unsure(photo.answer),
            "top": [{"class": name, "probability": round(probability, 6)} for name, probability in top],
            "presence": {name: round(score, 6) for name, score in scores},
        }
    )


def inert(name: str) -> str:
    """Return a name that no spreadsheet computes, as it does what begins with ``=``; it names the same file."""
    return f"./{name}" if name.startswith(("=", "+", "-", "@")) else name


def csv(answered: Sequence[Answered], model: Classifier, *, header: bool) -> str:
    """Return rows as data/predictions.csv has them, in the order given; see ``scenes.evaluation.prediction_table``.

    The keys are names made :func:`inert`.
    """
    table = prediction_table.build(
        [inert(photo.name) for photo in answered],
        np.array([photo.answer.probabilities for photo in answered]).reshape(-1, len(model.classes)),
        np.array([photo.answer.presence for photo in answered]).reshape(-1, len(model.classes)),
        model.classes,
        unsure_below=model.unsure_below,
    )
    return table.to_csv(index=False, header=header, float_format="%.6f", lineterminator="\n")
