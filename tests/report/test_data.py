"""What the report says about the data: nothing private, every finding in words, what was held out."""

import json
import shutil
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.audit.audit_table import FATAL, NOTED
from scenes.report import data
from tests.helpers import reported
from tests.helpers.report_page import Page, rendered

SPLITS = ("train", "val", "test", "pred")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return reported.folder(tmp_path_factory.mktemp("pipeline"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("kaggle:owner/photos/versions/2", "Kaggle's data set owner/photos (version 2)"),
        ("file:/home/somebody/secret/photos.zip", "from photos.zip"),
        ("https://example.org/secret/photos.zip", "from example.org"),
        ("env:secret", "from a private address"),
    ],
)
def test_a_source_is_named_without_what_is_private(source, said, folder):
    html, markdown = rendered(folder, source=source)
    for text in (Page(html).text, markdown):
        assert said.replace("_", "\\_") in text
        assert "secret" not in text
    assert "secret" not in html


def test_corrections_are_told_where_there_are_any(folder, tmp_path):
    own = shutil.copytree(folder, tmp_path / "pipeline")
    before = " ".join(Page(rendered(own)[0]).text.split())
    assert "The list changes no label: a person decides." in before
    assert "page Labels shows them one by one, and docs/corrections.md has the steps" in before
    assert "have relabelled" not in before and "On corrected" not in before
    file = own / "models/production/provenance.json"
    provenance = json.loads(file.read_text())
    provenance["data_params"]["corrections"] = {"relabelled": 1234}
    reported.write_json(file, provenance)
    interval = {"low": 0.91, "high": 0.95}
    corrected = {"count": 238, "corrected": 6, "dropped": 2, "accuracy": 0.934, "accuracy_interval": interval}
    scores = json.loads((own / "data/scores/baseline.json").read_text()) | {"corrected_test": corrected}
    reported.write_json(own / "data/scores/baseline.json", scores)
    after = " ".join(Page(rendered(own)[0]).text.replace("\N{NO-BREAK SPACE}", " ").split())
    assert "correct them. Corrections have relabelled 1,234 training and validation images and left out 0. On" in after
    assert "corrected test labels (6 relabelled, 2 left out), 93.4 % are right; 95 % interval 91.0 to 95.0 %." in after


def test_every_problem_of_the_audit_has_words():
    assert set(data._PROBLEMS) == {*FATAL, *NOTED}


def test_findings_of_no_image_are_left_out():
    found = data.findings(reported.audit() | {"problems": {"web_page": 12, "corrupt": 0}}, reported.of_model(0.8))
    names = {finding["name"]: finding["images"] for finding in found}
    assert names["a web page under an image's name, left out"] == 12
    assert not any("truncated" in name for name in names)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(SPLITS)), max_size=30))
def test_images_are_counted_by_class_and_split(rows):
    table = pd.DataFrame(rows, columns=["label", "split"], dtype=str)
    counts = data.images_per_class(table, ["a", "b", "c"])
    expected = Counter(rows)
    assert counts == {
        name: {split: expected[name, split] for split in ("train", "val", "test")} for name in ("a", "b", "c")
    }


def sentences(archive: dict, final: dict, archives: int = 1) -> list[str]:
    return list(data.held_out({"classes": archive}, final, archives).values())


def test_what_the_archive_has_is_not_held_out():
    archive = {name: {"train": 8, "val": 2, "test": 3} for name in "ab"}
    assert sentences(archive, archive) == []


def test_what_is_held_out_is_said_by_set():
    final = {name: {"train": 6, "val": 2, "test": 3} for name in "ab"}
    assert sentences({name: {"train": 11} for name in "ab"}, final) == [
        "The archive has no validation set: 4 of its training images were held out for it.",
        "The archive has no test set: 6 of its training images were held out for it.",
    ]
    assert sentences({name: {"train": 8, "val": 2} for name in "ab"}, final, archives=2) == [
        "The archives have no test set: 6 of their training images were held out for it, archive by archive, so that "
        "one more moves no image of the others."
    ]
    archive = {"a": {"train": 9, "val": 2, "test": 0}, "b": {"train": 6, "val": 2, "test": 3}}
    assert sentences(archive, final) == [
        "1 of 2 classes have no test images in the archive: 3 of their training images were held out."
    ]


def test_what_is_trained_on_is_counted_without_what_was_left_out(folder):
    html, markdown = rendered(folder)
    # Of 1,234 images 1,200 are usable, of which 109 are in split.csv.
    said = (
        "1,234 images from Kaggle's data set owner/photos (the latest version): 70 training, 9 validation, 30 test, "
        "1,091 left out (such as training images that are also in the test set), 34 unusable."
    )
    assert said in Page(html).text
    assert said in markdown
