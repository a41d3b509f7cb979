"""What images contain, by a table of what people saw, or by the answer sheet of a drawn archive."""

import zipfile

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.dataset import contained_classes
from scenes.layout.layout import Archive
from scenes.synthetic import ground_truth
from scenes.synthetic.archive import draw_archive
from scenes.synthetic.ground_truth import MEMBER
from scenes.synthetic.scenes import CLASSES
from tests.code_facts import ROOT

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
SETTINGS, PROFILES = PARAMS["archive"], PARAMS["profiles"]


@pytest.fixture
def photos(tmp_path):
    """An archive of photos, of which only the names matter here."""
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in ("lake", "moor"):
            archive.writestr(f"train/{name}/1.jpg", b"")
    return tmp_path / "photos.zip"


def read(photos, text: str, classes=("lake", "moor", "wood")) -> dict:
    table = photos.with_name("own.csv")
    table.write_text(text, encoding="utf-8")
    return contained_classes.read(table, photos, settings=SETTINGS, classes=classes)


def test_a_table_says_yes_no_or_either(photos):
    found = read(photos, "path,wood,lake,moor\na.jpg,1,0,?\nb.jpg,?,1,1\n")
    assert list(found) == ["a.jpg", "b.jpg"]
    np.testing.assert_array_equal(found["a.jpg"], [0, np.nan, 1])
    np.testing.assert_array_equal(found["b.jpg"], [1, 1, np.nan])


def test_a_class_without_a_column_is_not_known(photos):
    np.testing.assert_array_equal(read(photos, "path,moor\na.jpg,1\n")["a.jpg"], [np.nan, 1, np.nan])
    assert read(photos, "path\n") == {}
    np.testing.assert_array_equal(read(photos, "path\na.jpg\n")["a.jpg"], [np.nan] * 3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,wod\na.jpg,1\n", "own.csv, line 1: there is no column 'wod'; did you mean `wood`?"),
        ("path,wood\na.jpg,1\nb.jpg,yes\n", "own.csv, line 3: 'yes' in column wood; write 1, 0 or ?"),
        ("path,wood\na.jpg,\n", "own.csv, line 2: '' in column wood; write 1, 0 or ?"),
    ],
)
def test_a_wrong_table_is_refused_in_one_sentence(photos, text, sentence):
    with pytest.raises(InputError) as refused:
        read(photos, text)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_drawn_archive_says_it_itself(tmp_path):
    path = tmp_path / "drawn.zip"
    draw_archive(path, seed=0, train=24, test=12, pred=2, size=32, faults=PROFILES["demo"]["synthetic"]["faults"])
    table = tmp_path / "demo.csv"
    table.write_text("path,sea\nx.jpg,1\n")
    found = contained_classes.read(table, path, settings=SETTINGS, classes=CLASSES)
    with zipfile.ZipFile(path) as archive:
        truth = pd.read_csv(archive.open(MEMBER), keep_default_na=False).set_index("path")
    assert set(found) == set(truth.index[truth["classes"] != ""])
    for name, values in found.items():
        assert {CLASSES[index] for index in np.flatnonzero(values)} == set(truth.loc[name, "classes"].split())
        assert truth.loc[name, "ground_truth"] in truth.loc[name, "classes"].split()
    assert max(values.sum() for values in found.values()) > 1
    table.write_text("path,sea\nx.jpg,yes\n")
    with pytest.raises(InputError, match="line 2: 'yes' in column sea"):
        contained_classes.read(table, path, settings=SETTINGS, classes=CLASSES)


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True))
def test_rows_are_in_the_order_of_the_images(judged, images):
    known = {key: np.array([ord(key), np.nan]) for key in judged}
    found = contained_classes.known_rows(images, known, 2)
    assert found.shape == (len(images), 2)
    for key, row in zip(images, found, strict=True):
        np.testing.assert_array_equal(row, known.get(key, [np.nan, np.nan]))


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_has_its_table_in_git(profile):
    text = (ROOT / f"presence/{profile}.csv").read_text(encoding="utf-8")
    assert text.startswith("path") and "\r" not in text
    assert profile == "intel" or text == "path\n"


def test_of_drawn_and_other_archives_each_says_its_own(tmp_path, photos):
    raw = tmp_path / "raw"
    raw.mkdir()
    photos.rename(raw / "archive.zip")
    faults = PROFILES["demo"]["synthetic"]["faults"]
    draw_archive(raw / "archive-2.zip", seed=0, train=24, test=12, pred=0, size=32, faults=faults)
    table = tmp_path / "own.csv"
    table.write_text("path,sea\ntrain/lake/1.jpg,1\nnot here.jpg,1\n")
    found = contained_classes.read(table, raw, settings=SETTINGS, classes=CLASSES)
    (name, *drawn) = sorted(found, key=lambda path: path.startswith("archive-2/"))
    assert name == "train/lake/1.jpg"
    assert found[name][CLASSES.index("sea")] == 1
    assert drawn
    assert all(path.startswith("archive-2/seg_") for path in drawn)
    with Archive.from_settings(raw, SETTINGS) as archive:
        assert {member.path for member in archive.members} >= set(found)
        truth = ground_truth.read(archive)
    copies = truth.loc[truth["duplicate_of"] != "", "duplicate_of"]
    assert set(copies) <= set(truth["path"])
