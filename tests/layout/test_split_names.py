"""The names of splits, as words in the names of folders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.layout.split_names import SPLITS, find_places, split_of

# The words of Hugging Face Datasets (data_files.py, SPLIT_KEYWORDS), and ours for images without labels.
WORDS = {
    "train": ["train", "training"],
    "val": ["validation", "valid", "dev", "val"],
    "test": ["test", "testing", "eval", "evaluation"],
    "pred": ["pred", "predict", "unlabelled", "unlabeled"],
}
SPELLED = [(split, word) for split, words in WORDS.items() for word in words]
NOT_LETTERS = st.text("-_. 0123456789()[]", max_size=3)
FILLERS = st.sampled_from(["", "seg_", "my data-", "2017 ", "images.", "chest xray "])
PLAIN = st.text("abcdefghijklmnop", min_size=1, max_size=6).filter(lambda name: not split_of(name))


@given(st.sampled_from(SPELLED), st.sampled_from([str.lower, str.upper, str.title]), FILLERS, NOT_LETTERS, NOT_LETTERS)
def test_a_word_of_any_case_between_other_characters(spelled, case, filler, before, after):
    split, word = spelled
    assert split_of(f"{filler}{before}{case(word)}{after}") == split


@given(st.sampled_from(SPELLED), st.text("abcdefghijklmnopqrstuvwxyzäéж", min_size=1, max_size=3))
def test_a_part_of_a_word_is_none(spelled, letters):
    _, word = spelled
    for name in (word + letters, letters + word):
        if name not in {word for _, word in SPELLED} | {"valset", "trainset", "testset", "validate", "predictions"}:
            assert split_of(name) == ""


@pytest.mark.parametrize("name", ["train_test", "train-val", "", "images", "café", "7"])
def test_no_split_or_several(name):
    assert split_of(name) == ""


@pytest.mark.parametrize(("name", "split"), [("TrainImages", "train"), ("imagesTest", "test"), ("test1", "test")])
def test_humps_and_numbers(name, split):
    assert split_of(name) == split


@given(st.data())
def test_places_at_any_depth(data):
    """Wherever the folders of two or more splits are, what is below the last one of them is kept, and what is above."""
    above = data.draw(st.lists(PLAIN, max_size=2))
    splits = data.draw(st.lists(st.sampled_from(SPLITS), min_size=2, unique=True))
    times = data.draw(st.integers(1, 2))  # seg_train/seg_train
    below = data.draw(st.lists(st.lists(PLAIN, max_size=3).map(tuple), min_size=1, max_size=4, unique=True))
    folders = {(*above, *[f"seg_{split}"] * times, *path): (split, path) for split in splits for path in below}
    places, like_classes = find_places(folders, {})
    for folder, (split, path) in folders.items():
        assert places[folder] == (split, f"seg_{split}", tuple(above), path)
    assert like_classes == []


@given(st.lists(st.lists(PLAIN, min_size=1, max_size=3).map(tuple), min_size=1, unique=True))
def test_no_splits(folders):
    places, like_classes = find_places(folders, {})
    assert all(place == ("", "", (), folder) for folder, place in places.items())
    assert like_classes == []


def test_names_that_are_set_come_first():
    folders = [("a", "train", "x"), ("b", "test", "x"), ("c", "val", "x")]
    places, _ = find_places(folders, {"train": "b", "test": "a", "val": None, "pred": None})
    assert [(places[folder].split, places[folder].below) for folder in folders] == [
        ("test", ("train", "x")),
        ("train", ("test", "x")),
        ("val", ("x",)),
    ]


def test_a_class_of_a_test_set_may_be_called_train():
    folders = [("train", "bus"), ("train", "train"), ("test", "train")]
    places, like_classes = find_places(folders, {})
    assert [places[folder].split for folder in folders] == ["train", "train", "test"]
    assert like_classes == ["test/train", "train/train"]
