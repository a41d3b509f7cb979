"""A drawn archive with many faults planted in it, and its answer sheet."""

import csv
import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from scenes.synthetic.archive import draw_archive

COUNTS = {"train": 180, "test": 60, "pred": 20}
RATES = {
    "wrong_label": 0.1,
    "exact_duplicate": 0.05,
    "near_duplicate": 0.05,
    "conflicting_duplicate": 0.03,
    "odd_size": 0.05,
    "grey": 0.05,
    "broken": True,
}
SIZE = 64


class Planted(NamedTuple):
    """A drawn archive.

    Attributes:
        path: of the zip.
        files: its members, by path.
        rows: of ground_truth.csv, by path.
    """

    path: Path
    files: dict[str, bytes]
    rows: dict[str, dict]


def opened(path: Path) -> Planted:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    rows = csv.DictReader(io.StringIO(files["ground_truth.csv"].decode()))
    return Planted(path, files, {row["path"]: row for row in rows})


@pytest.fixture(scope="session")
def planted(tmp_path_factory) -> Planted:
    """The archive with all faults; drawn once for all tests."""
    path = tmp_path_factory.mktemp("planted") / "archive.zip"
    draw_archive(path, seed=3, **COUNTS, size=SIZE, faults=RATES)
    return opened(path)
