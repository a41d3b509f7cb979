"""The evaluation of a model on the test images: its tables for DVC to plot, and its pictures."""

from collections.abc import Mapping
from pathlib import Path

from scenes.common.files import atomic_write
from scenes.common.tables import write_csv
from scenes.evaluation.calibration import reliability_table
from scenes.evaluation.inference import Predictions
from scenes.plots import confusion, per_class, reliability

FILES = (
    "predictions.csv",
    "confusion_matrix.png",
    "reliability.csv",
    "reliability.png",
    "per_class.csv",
    "per_class.png",
)


def write(
    folder: str | Path, test: Predictions, per_class_scores: Mapping[str, Mapping[str, float]], *, title: str
) -> None:
    """Write ``FILES`` into ``folder``, all or none; other files in it stay.

    Args:
        test: predictions on the test images.
        per_class_scores: see ``scenes.evaluation.metrics.classification``.
        title: of the pictures, the name of the model.
    """
    diagrams = {"not calibrated": reliability_table(test.label, test.uncalibrated)}
    if test.calibration.calibrated:
        diagrams = {
            "before temperature scaling": diagrams["not calibrated"],
            "after": reliability_table(test.label, test.probabilities),
        }
    with atomic_write(*(Path(folder) / name for name in FILES)) as files:
        predictions, matrix, reliability_csv, reliability_png, per_class_csv, per_class_png = files
        write_csv(predictions, test.table())
        confusion.plot(matrix, test.label, test.predicted, test.classes, title=title)
        reliability.write(reliability_csv, diagrams)
        reliability.plot(reliability_png, diagrams, title=title)
        per_class.write(per_class_csv, per_class_scores)
        per_class.plot(per_class_png, per_class_scores, title=title)
