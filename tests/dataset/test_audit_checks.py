"""What cannot be trained on is refused by the audit, in one sentence that says what is wrong and what to do."""

import time

import pytest

from scenes.audit.audit_table import FATAL
from scenes.common.errors import InputError
from scenes.dataset.audit_checks import refuse_unusable
from tests.helpers.audited import divided, plain_rows, table


def with_problems(rows, **problems) -> list[tuple]:
    """Return the rows, where ``problems`` has a problem by split, with that one."""
    return [(*row[:5], problems.get(row[1], row[5])) for row in rows]


def refused(rows) -> str:
    with pytest.raises(InputError) as caught:
        refuse_unusable(table(rows), "a.zip", "audit.csv")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_is_said_of_a_sound_archive():
    for rows in (plain_rows(10), plain_rows(10, 0), plain_rows(10, 5, 5), plain_rows(3, 0), plain_rows(1, 1, 1)):
        refuse_unusable(table(rows), "a.zip", "audit.csv")
    refuse_unusable(table(with_problems(plain_rows(10), pred="corrupt")), "a.zip", "audit.csv")


def test_files_that_are_all_web_pages():
    rows = with_problems(plain_rows(4, 2), train="web_page", test="web_page")
    assert refused(rows) == "a.zip: 12 of 12 files are web pages, e.g. 'test/lake/0'; see audit.csv"


def test_files_that_cannot_be_decoded_are_counted_by_problem_and_suffix():
    rows = [
        ("train/lake/1.djvu", "train", "lake", "1", "1", "not_an_image"),
        ("train/lake/2.XCF", "train", "lake", "2", "2", "not_an_image"),
        ("train/lake/3", "train", "lake", "3", "3", "not_an_image"),
        ("train/moor/4.jpg", "train", "moor", "4", "4", "corrupt"),
        ("train/moor/5.jpg", "train", "moor", "5", "5", "too_many_pixels"),
    ]
    assert refused(rows) == (
        "a.zip: 5 of 5 files cannot be decoded: 3 not in a format that is read here (.djvu, .xcf, no suffix), "
        "1 corrupt, 1 larger than archive.max_pixels, e.g. 'train/lake/1.djvu'; see audit.csv"
    )


def test_formats_that_are_not_read_are_named():
    rows = with_problems(plain_rows(4), train="not_an_image", test="not_an_image")
    formats = {row[0]: "JPEG XL" for row in rows if row[5]}
    with pytest.raises(InputError, match=f"; {len(formats)} images are JPEG XL, which is not read; save them as JPEG"):
        refuse_unusable(table(rows), "a.zip", "audit.csv", formats)


@pytest.mark.parametrize("problem", FATAL)
def test_a_class_without_a_usable_training_image_is_named(problem):
    rows = [(*row[:5], problem if row[1:3] == ("train", "moor") else "") for row in plain_rows(4)]
    said = refused(rows)
    assert said.startswith("a.zip: no image to train on of 'moor' (4 of 4 files are ")
    assert said.endswith("e.g. 'train/moor/0'); add images, or leave the class out by archive.layout.leave_out; "
                         "see audit.csv")  # fmt: skip


def test_a_class_in_test_alone_is_named():
    rows = [row for row in plain_rows(4) if row[1:3] != ("train", "moor")]
    assert "no image to train on of 'moor' (no files in train); add images" in refused(rows)


def test_one_class_alone_is_refused():
    assert "'lake' is the only class, and a classifier needs two" in refused(plain_rows(9, labels=["lake"]))


def test_many_classes_are_not_all_listed():
    rows = plain_rows(1, 0, labels=[f"class {number:03}" for number in range(200)])
    assert "'class 004' has 1 and needs 3 and 195 more; add images" in refused(rows)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (plain_rows(2, 0), "'lake' has 2 and needs 3"),
        (plain_rows(1, 0, 3), "'lake' has 1 and needs 2"),
        (plain_rows(1, 3), "'lake' has 1 and needs 2"),
        ([(*row[:4], row[2], "") for row in plain_rows(9, 0)], "'lake' has 1 and needs 3"),
        ([(*row, row[2]) for row in plain_rows(9, 0)], "'lake' has 1 and needs 3"),
    ],
)
def test_what_no_parameter_can_divide_is_refused(rows, sentence):
    assert sentence in refused(rows)
    for drop in (True, False):
        with pytest.raises(InputError, match=sentence):
            divided(
                rows,
                drop_train_duplicates_of_test=drop,
                drop_conflicting_duplicates=drop,
                drop_damaged=drop,
            )


def test_a_class_that_can_still_be_left_out_is_not_refused():
    refuse_unusable(table([*plain_rows(9), *plain_rows(2, 0, labels=["owl"])]), "a.zip", "audit.csv")


def test_a_thousand_classes_take_no_longer_than_ten():
    """Once, every class looked at every image: 39 s for 100,000 images of 1,000 classes."""
    seconds = {}
    for classes in (10, 1000):
        rows = [(f"{row}", "train", f"{row % classes}", f"{row}", f"{row}", "") for row in range(20_000)]
        images = table(rows)
        started = time.process_time()
        refuse_unusable(images, "a.zip", "audit.csv")
        seconds[classes] = time.process_time() - started
    assert seconds[1000] < 10 * seconds[10]
