"""Audits without an archive: tables of images that nobody drew."""

import pandas as pd

from scenes.dataset.audit_table import COLUMNS


def table(rows) -> pd.DataFrame:
    """Return an audit of (path, split, label, content, group, problem, and perhaps subject)."""
    rows = [(*row, "")[:7] for row in rows]
    frame = pd.DataFrame(rows, columns=["path", "split", "label", "sha256", "group", "problem", "subject"])
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
