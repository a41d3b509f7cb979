"""The label issues that the pipeline has found, and the archive with their pictures."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from app import models
from scenes.common.tables import read_csv
from scenes.dataset import corrections
from scenes.evaluation import label_issues
from scenes.layout.layout import Archive

ISSUES, ARCHIVE = "data/label_issues.csv", "data/raw"
AUDIT, SPLIT = "data/audit.csv", "data/split.csv"


class Issues(NamedTuple):
    """What there is to correct.

    Attributes:
        rows: those of data/label_issues.csv, with the attribute ``split``; without those that are corrected already.
        classes: all classes, by name.
        duplicates: path and label of each under another label, by the path of the image in ``rows``.
        corrected: the corrected labels, by path.
    """

    rows: list[Any]
    classes: list[str]
    duplicates: dict[str, list[tuple[str, str]]]
    corrected: dict[str, str]


class Answer(NamedTuple):
    """What a visitor says of a label.

    Attributes:
        label: the right class, ``drop``, or '' to keep the label.
        remark: any text.
    """

    label: str
    remark: str


def exist() -> bool:
    """Return whether there are label issues and the pictures to show them."""
    return all(Path(models.ROOT, name).exists() for name in (ISSUES, ARCHIVE, AUDIT, SPLIT))


def archive() -> Archive:
    """Return the archive, which all visitors share.

    Raises:
        InputError: see ``scenes.layout.layout.Archive``.
    """
    return _open(Path(models.ROOT, ARCHIVE).stat().st_mtime_ns)


@st.cache_resource(max_entries=1, show_spinner="Opening the archive")
def _open(modified: int) -> Archive:
    # `modified` is the key of the cache: another archive is opened.
    return Archive.from_settings(Path(models.ROOT, ARCHIVE), models.params().archive.model_dump())


def load(pictures: Archive) -> Issues:
    """Return the label issues whose pictures are in the archive.

    Raises:
        InputError: the corrections of the profile cannot be read.
    """
    root = Path(models.ROOT)
    file = root / f"corrections/{models.params().profile}.csv"
    corrected = corrections.parse(file).set_index("path")["label"].to_dict() if file.is_file() else {}
    split = read_csv(root / SPLIT)
    found = label_issues.read(root / ISSUES).merge(split[["path", "split"]], "left", left_on="key", right_on="path")
    found = found[found["key"].isin({member.path for member in pictures.members} - corrected.keys())]
    classes = sorted(set(split["label"]) - {""})
    return Issues(list(found.itertuples(index=False)), classes, _duplicates(found, root / AUDIT), corrected)


def _duplicates(found: pd.DataFrame, audit_file: Path) -> dict[str, list[tuple[str, str]]]:
    audit = read_csv(audit_file, columns=("path", "label", "group"))
    issues = found.loc[found["reason"].str.contains("duplicate"), ["key", "given_label"]]
    groups = issues.merge(audit[["path", "group"]], left_on="key", right_on="path").drop(columns="path")
    pairs = groups.merge(audit[audit["label"] != ""], on="group")
    pairs = pairs[pairs["label"] != pairs["given_label"]]
    return {key: list(zip(rows["path"], rows["label"], strict=True)) for key, rows in pairs.groupby("key")}


def answers() -> dict[str, Answer]:
    """Return the answers about the selected profile, by path: of all visitors, until the app ends."""
    return _answers(models.params().profile)


@st.cache_resource(show_spinner=False)
def _answers(profile: str) -> dict[str, Answer]:
    return {}


def as_csv(answers: Mapping[str, Answer]) -> str:
    """Return the answers, by path, as ``scenes corrections merge`` reads them; a label that is kept has no row."""
    rows = [(path, *answer) for path, answer in sorted(answers.items()) if answer.label]
    stream = io.StringIO()
    corrections.write(pd.DataFrame(rows, columns=list(corrections.COLUMNS)), stream)
    return stream.getvalue()
