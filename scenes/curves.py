"""Training curves as tables that DVC draws."""

from pathlib import Path


def write(folder: str | Path, history: dict[str, list[float]]) -> None:
    """Write ``accuracy.tsv``, ``crossentropy.tsv`` and ``learning_rate.tsv`` into an existing folder.

    Args:
        history: what ``scenes.training.fit`` returns.

    The columns are ``epoch`` (from 1), the metric and, but for the rate, ``val_<metric>``.
    """
    import pandas as pd

    for name in ("accuracy", "crossentropy", "learning_rate"):
        columns = [column for column in (name, f"val_{name}") if column in history]
        table = pd.DataFrame({column: history[column] for column in columns})
        table.index = pd.RangeIndex(1, len(table) + 1, name="epoch")
        table.to_csv(Path(folder) / f"{name}.tsv", sep="\t", float_format="%.6g", lineterminator="\n")
