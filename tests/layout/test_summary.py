"""A layout in a line."""

import pytest

from scenes.layout.summary import summary
from tests.helpers.listings import contents, found

CARDS = [
    f"{split}/{label}/{split}{number}.jpg"
    for split, counts in (("train", (1200, 800)), ("valid", (9, 9)), ("test", (9, 9)))
    for label, count in zip(("ace", "two"), counts, strict=True)
    for number in range(count)
]


def test_the_line_of_a_sound_archive():
    assert summary(found(CARDS)) == ["train/ 2,000, valid/ 18, test/ 18; 2 classes (818 to 1,218 images); nothing else"]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["readme.txt"], "1 .txt file left out"),
        ([f"{number}.cfg" for number in range(48)], "48 .cfg files left out"),
        ([*(f"{number}.cfg" for number in range(48)), "a.csv", ".DS_Store"], "48 .cfg files and 2 others left out"),
        (["README", "a/LICENSE"], "2 files without a suffix left out"),
        (["Thumbs.db"], "1 system file left out"),
        (["extra/ace/1.jpg", "extra/ace/2.jpg", "x.pdf"], "2 images and 1 other left out"),
    ],
)
def test_what_is_left_out(others, said):
    assert summary(found([*CARDS, *others]))[0].endswith(f"; {said}")


def test_images_to_be_predicted():
    line = summary(found([*CARDS[:1000], *CARDS[1200:2000], *(f"test/{number}.jpg" for number in range(3))]))[0]
    assert line == "train/ 1,800, test/ 3 without labels; 2 classes (800 to 1,000 images); nothing else"


def test_images_in_several_classes_come_before_all_else():
    files = contents(CARDS)
    first, counts, *others = summary(found(files | {"train/two/copy.jpg": files[CARDS[0]], "train/TWO/1.jpg": b"more"}))
    assert first.startswith("1 of 2,037 images is in several classes, e.g. 'train/ace/train0.jpg' in 'ace' and 'two'")
    assert counts.startswith("train/ 2,002, valid/ 18, test/ 18; 3 classes")
    assert others and first not in others
