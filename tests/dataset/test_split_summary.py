"""What the stage `split` prints."""

import pandas as pd

from scenes.dataset.corrections import COLUMNS
from scenes.dataset.split import split, split_corrected
from scenes.dataset.split_summary import format_summary
from tests.helpers.audited import OPTIONS, plain_rows, table

FRACTIONS = {"test": 0.2, "val": 0.1}


def lines(rows, **options) -> list[str]:
    audit = table(rows)
    result = split(audit, **OPTIONS | {"val_fraction": FRACTIONS["val"]} | options)
    return format_summary(audit, result, FRACTIONS).split("\n")


def test_nothing_but_counts_where_the_archive_has_all_sets():
    assert lines(plain_rows(1000, 3, 5)) == ["split: train 2,000, val 10, test 6, pred 2; 0 of 2,018 images left out"]


def test_what_is_held_out_and_why():
    assert lines(plain_rows(50, 0)) == [
        "split: train 72, val 8, test 20, pred 2; 0 of 102 images left out",
        "test: 20 images held out of train: the archive has no test set",
        "val: 8 images held out of train: the archive has no validation set",
    ]
    rows = [*plain_rows(50, 3, 3), *plain_rows(5, 0, labels=["owl"], pred=0)]
    assert lines(rows)[1:] == [
        "test: 1 image held out of train: the archive's test set has no usable image of 'owl'",
        "val: 1 image held out of train: the archive's validation set has no usable image of 'owl'",
    ]


def test_what_each_of_several_archives_gives():
    second = [(f"archive-2/{path}", *rest, "", 2) for path, *rest in plain_rows(20, 0, pred=0)]
    second = [
        (path, side, label, f"2{content}", f"2{group}", *rest) for path, side, label, content, group, *rest in second
    ]
    assert lines([*plain_rows(50, 0), *second]) == [
        "split: train 100, val 12, test 28, pred 2; 0 of 142 images left out",
        "each archive gives its own share:",
        "  archive.zip: train 72, val 8, test 20, pred 2",
        "  archive-2.zip: train 28, val 4, test 8, pred 0",
        "test: 28 images held out of train, where neither its archive nor one before has test images of a class: "
        "'lake' and 'moor'",
        "val: 12 images held out of train, where neither its archive nor one before has validation images of a class: "
        "'lake' and 'moor'",
    ]


def test_what_is_left_out_by_reason():
    rows = [
        *plain_rows(10, 3, 3),
        *plain_rows(5, 0, labels=["owl"], pred=0),
        ("train/lake/a", "train", "lake", "a", "testlake0", ""),
        ("val/lake/b", "val", "lake", "b", "testlake0", ""),
        ("train/lake/c", "train", "lake", "c", "vallake0", ""),
        ("train/lake/d", "train", "lake", "d", "d", "damaged"),
        ("train/lake/e", "train", "lake", "e", "e", "corrupt"),
        ("pred/f", "pred", "", "f", "f", "corrupt"),
        ("train/lake/g", "train", "lake", "g", "g", ""),
        ("train/moor/g", "train", "moor", "g", "g", ""),
        ("train/lake/h", "train", "lake", "h", "h", "", "p"),
        ("test/lake/i", "test", "lake", "i", "i", "", "p"),
        ("val/lake/j", "val", "lake", "j", "j", "", "q"),
        ("train/lake/k", "train", "lake", "k", "k", "", "q"),
    ]
    assert lines(rows, without_test="drop") == [
        "split: train 20, val 7, test 7, pred 2; 15 of 51 images left out",
        "2 subjects, each on one side",
        "2 left out: cannot be decoded",
        "1 left out: damaged (split.drop_damaged)",
        "5 left out: of a class without test images (split.without_test): 'owl'",
        "2 left out: the same picture under several labels (split.drop_conflicting_duplicates)",
        "2 left out: duplicate of a test image (split.drop_train_duplicates_of_test)",
        "1 left out: of the subject of a test image (split.drop_train_duplicates_of_test)",
        "1 left out: duplicate of a validation image",
        "1 left out: of the subject of a validation image",
    ]


def test_what_corrections_change():
    audit = table(plain_rows(10, 3, 3))
    labels = [("train/lake/0", "moor"), ("val/lake/0", "drop"), ("test/lake/0", "moor"), ("test/lake/1", "drop")]
    corrected = pd.DataFrame([(*row, "") for row in labels], columns=COLUMNS)
    result = split_corrected(audit, corrected, **OPTIONS)
    assert format_summary(audit, result, FRACTIONS).split("\n") == [
        "split: train 20, val 5, test 6, pred 2; 1 of 34 images left out",
        "1 image relabelled by corrections",
        "2 corrections of test images: scored apart, by `evaluate`",
        "1 left out: dropped by a correction",
    ]


def test_shares_that_large_subjects_make_coarse():
    rows = [(*row, row[0].split("/")[1] + str(number % 4)) for number, row in enumerate(plain_rows(100, 0, pred=0))]
    found = lines(rows)
    assert found[0] == "split: train 100, val 50, test 50, pred 0; 0 of 200 images left out"
    assert found[3] == (
        "val: large groups of duplicates or of one subject stay whole: 'lake' gives 25 of 75 images instead of 8, "
        "'moor' gives 25 of 75 images instead of 8"
    )
    assert "8 subjects, each on one side" in found
