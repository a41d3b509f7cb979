"""The contact sheet of the label issues: every picture is on it, the same bytes twice, nothing clipped."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scenes.evaluation import label_issues
from scenes.plots import galleries, style
from tests.helpers import pictures

COLOURS = [(200, 30, 30), (30, 160, 30), (40, 40, 200), (120, 20, 140)]


def pixels_of(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.fixture
def archive(tmp_path):
    files = pictures.sound_files()
    keys = [f"seg_train/seg_train/lake/{n}-with-a-name-that-is-longer-than-its-picture.png" for n in range(4)]
    for key, colour in zip(keys, COLOURS, strict=True):
        files[key] = pictures.encode(np.full((60, 80, 3), colour, np.uint8), "PNG")
    with pictures.opened(pictures.pack(tmp_path / "archive.zip", files)) as opened:
        yield opened, keys


def table(keys):
    rows = [(key, "lake", "moor with a long name", n / 10, "model") for n, key in enumerate(keys[:-1])]
    rows.append((keys[-1], "lake", "moor", None, "duplicate"))
    return pd.DataFrame(rows, columns=list(label_issues.COLUMNS)).astype({"score": float})


def shown(pixels) -> list[bool]:
    return [bool((np.abs(pixels - colour).sum(axis=2) < 10).sum() > 1000) for colour in COLOURS]


def test_every_label_issue_is_shown_and_nothing_is_clipped(archive, tmp_path):
    opened, keys = archive
    for name in ("a.png", "b.png"):
        style.save(galleries.label_issues_figure(table(keys), opened, count=30, max_pixels=10**6), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    pixels = pixels_of(tmp_path / "a.png")
    assert shown(pixels) == [True] * 4
    assert min(pixels[0].min(), pixels[-1].min(), pixels[:, 0].min(), pixels[:, -1].min()) == 255


def test_the_first_ones_where_there_are_more(archive, tmp_path):
    opened, keys = archive
    style.save(galleries.label_issues_figure(table(keys), opened, count=2, max_pixels=10**6), tmp_path / "a.png")
    assert shown(pixels_of(tmp_path / "a.png")) == [True, True, False, False]


def test_no_label_issues_is_a_sheet_that_says_so(archive, tmp_path):
    opened, keys = archive
    style.save(
        galleries.label_issues_figure(table(keys).head(0), opened, count=30, max_pixels=10**6), tmp_path / "a.png"
    )
    pixels = pixels_of(tmp_path / "a.png")
    assert shown(pixels) == [False] * 4
    assert (pixels < 100).any()
