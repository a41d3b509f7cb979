"""Training curves as tables that DVC plots."""

from pathlib import Path

# One table a chart. All curves that dvc.yaml overlays are in one table, so that another model adds one line there.
TABLES = {
    "curves": ("accuracy", "val_accuracy", "crossentropy", "val_crossentropy", "val_calibrated_crossentropy"),
    "learning_rate": ("learning_rate",),
}


def write(folder: str | Path, history: dict[str, list[float]]) -> None:
    """Write ``curves.tsv`` and ``learning_rate.tsv`` into an existing folder; ``epoch`` counts from 1.

    Args:
        history: see :func:`scenes.training.fit.run`.
    """
    import pandas as pd

    for name, columns in TABLES.items():
        table = pd.DataFrame({column: history[column] for column in columns})
        table.index = pd.RangeIndex(1, len(table) + 1, name="epoch")
        table.to_csv(Path(folder) / f"{name}.tsv", sep="\t", float_format="%.6g", lineterminator="\n")
