"""Training curves as tables that DVC plots, also while the training runs."""

from pathlib import Path

from scenes.common.files import atomic_write

# One table a chart. All curves that dvc.yaml overlays are in one table, so that another model adds one line there.
TABLES = {
    "curves": ("accuracy", "val_accuracy", "crossentropy", "val_crossentropy", "val_calibrated_crossentropy"),
    "learning_rate": ("learning_rate",),
}


def write(folder: str | Path, history: dict[str, list[float]]) -> None:
    """Write ``curves.tsv`` and ``learning_rate.tsv``, so that a reader always finds whole tables.

    ``epoch`` counts from 1. Other files in ``folder``, which is created, stay.

    Args:
        history: see :func:`scenes.training.fit.run`.
    """
    import pandas as pd

    with atomic_write(*(Path(folder) / f"{name}.tsv" for name in TABLES)) as files:
        for file, columns in zip(files, TABLES.values(), strict=True):
            table = pd.DataFrame({column: history[column] for column in columns})
            table.index = pd.RangeIndex(1, len(table) + 1, name="epoch")
            table.to_csv(file, sep="\t", float_format="%.6g", lineterminator="\n")
