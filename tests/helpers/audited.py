"""Audits without an archive, tables of images that nobody drew, and what the split makes of them."""

import pandas as pd

from scenes.audit.audit_table import COLUMNS
from scenes.dataset.split import split

OPTIONS = {
    "test_fraction": 0.2,
    "val_fraction": 0.2,
    "seed": 42,
    "drop_train_duplicates_of_test": True,
    "drop_conflicting_duplicates": True,
    "drop_damaged": True,
    "without_test": "hold_out",
}


def table(rows) -> pd.DataFrame:
    """Return an audit of (path, split, label, content, group, problem, and perhaps subject, and archive)."""
    rows = [(*row, "", 1)[:8] if len(row) < 7 else (*row, 1)[:8] for row in rows]
    columns = ["path", "split", "label", "sha256", "group", "problem", "subject", "archive"]
    frame = pd.DataFrame(rows, columns=columns)
    fillers = {"bytes": 1, "width": 8, "height": 8, "mode": "RGB", "phash": ""}
    return frame.assign(pixel_sha256=frame["sha256"], **fillers)[list(COLUMNS)].sort_values("path", ignore_index=True)


def plain_rows(train: int, test: int = 3, val: int = 0, labels=("lake", "moor"), pred: int = 2) -> list[tuple]:
    """Return rows of images that are nobody's duplicates."""
    return [
        (f"{name}/{label}/{number}", name, label, f"{name}{label}{number}", f"{name}{label}{number}", "")
        for name, count in (("train", train), ("val", val), ("test", test))
        for label in labels
        for number in range(count)
    ] + [(f"pred/{number}", "pred", "", f"pred{number}", f"pred{number}", "") for number in range(pred)]


def divided(rows, **options) -> pd.DataFrame:
    return split(table(rows), **OPTIONS | options).table


def by_split(result: pd.DataFrame, name: str) -> pd.DataFrame:
    return result[result["split"] == name]
