"""The evaluation of a model on the test images: its tables for DVC to plot, and its pictures."""

from collections.abc import Mapping
from pathlib import Path

from scenes.common import unused
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.tables import write_csv
from scenes.evaluation import inference
from scenes.evaluation.calibration import reliability_table
from scenes.evaluation.inference import Predictions
from scenes.plots import confusion, explanation, per_class, reliability

TABLES = {
    "predictions.csv": inference.COLUMNS,
    "reliability.csv": reliability.COLUMNS,
    "per_class.csv": per_class.COLUMNS,
}
PICTURES = "scores"  # the folder of confusion_matrix.png, reliability.png and per_class.png


def write(
    folder: str | Path, test: Predictions, per_class_scores: Mapping[str, Mapping[str, float]], *, title: str
) -> None:
    """Write ``TABLES`` and ``PICTURES`` into ``folder``, all or none; other files in it stay.

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
    folder = Path(folder)
    with atomic_write(*(folder / name for name in TABLES)) as files, atomic_dir(folder / PICTURES) as pictures:
        predictions, reliability_csv, per_class_csv = files
        write_csv(predictions, test.table())
        confusion.plot(pictures / "confusion_matrix.png", test.label, test.predicted, test.classes, title=title)
        reliability.write(reliability_csv, diagrams)
        reliability.plot(pictures / "reliability.png", diagrams, title=title)
        per_class.write(per_class_csv, per_class_scores)
        per_class.plot(pictures / "per_class.png", per_class_scores, title=title)


def write_unused(folder: str | Path) -> None:
    """Write ``TABLES`` without rows and all folders with a mark, for a model that is not trained in this profile."""
    folder = Path(folder)
    with atomic_write(*(folder / name for name in TABLES)) as files:
        for file, columns in zip(files, TABLES.values(), strict=True):
            unused.write_header(file, columns)
        unused.mark(*(folder / name for name in (PICTURES, *explanation.FOLDERS)))
