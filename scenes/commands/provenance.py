"""``scenes provenance``: what made a model, from archive to metric."""

import argparse
from pathlib import Path

from scenes.provenance import lineage


def main(argv: list[str] | None = None) -> int:
    """Return the exit status: 1 if a file disagrees with what made the model."""
    parser = argparse.ArgumentParser(
        prog="scenes provenance",
        description="Show what made a model, from archive to metric. Exit status 1 if dvc.lock, provenance.json and "
        "the files that are here disagree.",
    )
    parser.add_argument(
        "model", help="a folder in models/, such as `baseline`, `multilabel/baseline`, `production`, `export`"
    )
    return lineage.main(Path(), parser.parse_args(argv).model)
