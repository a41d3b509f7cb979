"""Several archives: each has a layout of its own, and together they make the classes and splits."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.archive.packed import unpack
from scenes.common.archives import archive_name
from scenes.common.errors import InputError
from scenes.common.outputs import write_sums
from scenes.layout.layout import Archive
from scenes.layout.summary import summary
from tests.helpers.listings import table_of
from tests.helpers.pictures import pack


def images(*folders: str, each: int = 3) -> list[str]:
    return [f"{folder}/{number}.jpg".lstrip("/") for folder in folders for number in range(each)]


@pytest.fixture
def opened(tmp_path):
    """A function that opens archives of these files, contents their own paths, as the stage `download` leaves them."""
    archives = []

    def open_them(*several: list[str] | dict[str, bytes], **layout) -> Archive:
        for number, files in enumerate(several, 1):
            contents = files if isinstance(files, dict) else {path: f"{number}{path}".encode() for path in files}
            pack(tmp_path / archive_name(number), contents)
        write_sums(tmp_path)
        archives.append(Archive(tmp_path, layout, 10_000, 200))
        return archives[-1]

    yield open_them
    for archive in archives:
        archive.close()


def refusal(opened, *several, **layout) -> str:
    with pytest.raises(InputError) as caught:
        opened(*several, **layout)
    return str(caught.value)


FIRST = images("train/cat", "train/dog", "test/cat", "test/dog")


def test_the_first_archive_is_as_it_is_alone(opened, tmp_path):
    alone = opened(FIRST)
    with Archive(tmp_path / "archive.zip", {}, 10_000, 200) as zip_itself:
        assert alone.found == zip_itself.found
    both = opened(FIRST, images("cat", "dog", "bird"))
    assert both.members[: len(FIRST)] == alone.members
    assert both.archives == [tmp_path / "archive.zip", tmp_path / "archive-2.zip"]


def test_each_has_a_layout_of_its_own(opened):
    third = {"pictures/a.jpg": b"a", "pictures/b.jpg": b"b", "labels.csv": b"file,label\na.jpg,cat\nb.jpg,bird\n"}
    archive = opened(FIRST, images("delivery/cat", "delivery/bird"), third, images(""))
    assert archive.classes == ("bird", "cat", "dog")
    assert Counter((member.archive, member.split, member.label) for member in archive.members) == {
        **{(1, split, label): 3 for split in ("train", "test") for label in ("cat", "dog")},
        (2, "train", "cat"): 3,
        (2, "train", "bird"): 3,
        (3, "train", "cat"): 1,
        (3, "train", "bird"): 1,
        (4, "pred", ""): 3,
    }
    assert "archive-3.zip: the classes are taken from 'labels.csv' (" in " ".join(archive.notes)
    assert "archive-4.zip: no image has a class, so all will be predicted" in archive.notes
    said = "train 14, test/ 6, pred 3 without labels; 3 classes (4 to 10 images); nothing else"
    assert summary(archive.found)[0] == said
    # What concerns all together names none of them.
    assert "the class 'bird' has no test images" in archive.notes


def test_every_file_is_read_from_its_archive(opened):
    archive = opened(FIRST, images("cat", "dog"))
    for member in archive.members:
        name = member.path.removeprefix("archive-2/")
        place, packed = archive.locate(member.path)
        with Path(place.path).open("rb") as file:
            assert (
                unpack(place.read_from(file), packed) == archive.read(member.path) == f"{member.archive}{name}".encode()
            )
    with pytest.raises(KeyError):
        archive.read("archive-2/none.jpg")


def test_equal_paths_are_refused_and_like_ones_are_not(opened):
    said = refusal(opened, [*FIRST, "archive-2/train/cat/0.jpg"], images("train/cat", "train/dog"))
    assert (
        "archive.zip: 'archive-2/train/cat/0.jpg' would also be the path of 'train/cat/0.jpg' in archive-2.zip" in said
    )
    archive = opened(images("archive-2/cat", "archive-3/dog"), images("dog", "archive-2/cat"))
    assert {archive.read(path) for path in ("archive-2/cat/0.jpg", "archive-2/archive-2/cat/0.jpg")} == {
        b"1archive-2/cat/0.jpg",
        b"2archive-2/cat/0.jpg",
    }


@pytest.mark.parametrize(
    ("second", "label"),
    [
        (images("Cat"), "cat"),
        (images("delivery/cat"), "cat"),
        (images("delivery/CAT/images"), "cat"),
        (images("bird"), "bird"),
        (images("cat", "Cat"), None),  # an archive that tells them apart has two classes
        (images("images"), ""),
    ],
)
def test_a_class_spelled_otherwise_is_the_same(opened, second, label):
    archive = opened(FIRST, second)
    labels = {member.label for member in archive.members if member.archive == 2}
    assert labels == ({"cat", "Cat"} if label is None else {label})
    text = " ".join(archive.notes)
    assert ("is taken for 'cat'" in text) == (label == "cat")
    assert ("of one that no archive before has, 'bird'" in text) == (label == "bird")


def test_nested_classes_are_known_by_their_end(opened):
    first = images("pets/cat", "pets/dog", "farm/dog")
    archive = opened(first, images("cat", "dog"))
    # `dog` may be any of two.
    assert {member.label for member in archive.members if member.archive == 2} == {"pets/cat", "dog"}


def test_one_class_each_makes_two(opened):
    assert opened(images("cats/cat"), images("dog")).classes == ("cats/cat", "dog")
    assert "all images are of one class, 'dog'" in refusal(opened, images("dog"), images("dog"))


def test_what_no_archive_has_is_refused(opened):
    cats, dogs = images("cat"), images("dog")
    assert "no archive has an image with a class" in refusal(opened, images(""), images("images"))
    assert "classes 'a' and 'b' have images in test/ but none in train" in refusal(
        opened, images("test/a", "test/b"), dogs
    )
    assert "there is no image, nor any other file" not in refusal(opened, cats, ["notes.txt"])
    assert refusal(opened, cats, ["notes.txt"]).partition(": ")[0].endswith("archive-2.zip")


def test_test_images_may_come_alone(opened):
    archive = opened(images("cat", "dog"), images("test/cat", "test/dog"))
    assert {(member.archive, member.split) for member in archive.members} == {(1, "train"), (2, "test")}


def test_a_setting_counts_where_it_fits(opened):
    second = images("learn/cat", "learn/dog", "exam/cat", "exam/dog")
    archive = opened(FIRST, second, train="learn", test="exam", leave_out=[])
    assert Counter((member.archive, member.split) for member in archive.members)[2, "test"] == 6
    assert table_of(archive)["test/cat/0.jpg"] == ("test", "cat")
    said = refusal(opened, FIRST, FIRST, train="learn")
    assert re.search(
        r"archive\.zip: archive\.layout\.train is 'learn', but there is no image in a folder of this", said
    )
    table = {"a.jpg": b"1", "b.jpg": b"2", "t.csv": b"file,kind\na.jpg,cat\nb.jpg,dog\n"}
    archive = opened(FIRST, table, labels="table:t.csv:kind", subject="path:test/(cat)/")
    assert table_of(archive)["archive-2/a.jpg"] == ("train", "cat")
    assert {member.subject for member in archive.members} == {"", "cat"}
    assert opened(FIRST, images("cat", "bird"), leave_out=["bird"]).classes == ("cat", "dog")
    assert "leave_out has 'fish', which is not a class" in refusal(
        opened, FIRST, images("cat", "bird"), leave_out=["fish"]
    )


@pytest.mark.parametrize("second", [images("delivery/cat"), images("CAT", "dog")])
def test_a_class_left_out_does_not_come_back_under_another_name(opened, second):
    first = images("cat", "dog", "bird")
    archive = opened(first, second, leave_out=["cat"])
    assert archive.classes == ("bird", "dog")
    assert archive.outside == 6
    # What a later archive spells otherwise says nothing of the first one.
    archive = opened(first, images("delivery/cat"), leave_out=["delivery/cat"])
    assert archive.classes == ("bird", "cat", "dog")
    assert archive.outside == 3


def test_damage_and_what_is_missing_is_found_when_opened(opened, tmp_path):
    opened(FIRST, images("cat"))
    (tmp_path / "archive-2.zip").unlink()
    with pytest.raises(InputError, match=r"archive-2\.zip is missing"):
        Archive(tmp_path, {}, 10_000, 200)
    pack(tmp_path / "archive-2.zip", dict.fromkeys(images("dog"), b"other"))
    with pytest.raises(InputError, match=r"archive-2\.zip is damaged"):
        Archive(tmp_path, {}, 10_000, 200)


FOLDERS = st.lists(
    st.sampled_from(["cat", "dog", "bird", "Cat", "test/cat", "x/dog", "images", ""]), min_size=1, max_size=4
)


@given(st.lists(FOLDERS, min_size=1, max_size=3))
def test_whatever_archives_there_are_each_image_is_there_once_or_it_is_one_sentence(tmp_path_factory, several):
    folder = tmp_path_factory.mktemp("any")
    for number, folders in enumerate(several, 1):
        files = images(*folders, each=2)
        pack(folder / archive_name(number), {path: f"{number}{path}".encode() for path in dict.fromkeys(files)})
    try:
        archive = Archive(folder, {}, 10_000, 200)
    except InputError as error:
        assert str(error).isprintable()
        return
    with archive:
        paths = [member.path for member in archive.members]
        assert len(set(paths)) == len(paths)
        assert [member.archive for member in archive.members] == sorted(member.archive for member in archive.members)
        for member in archive.members:
            assert archive.read(member.path).decode()[0] == str(member.archive)
        assert set(archive.classes) == {member.label for member in archive.members} - {""}


@pytest.mark.parametrize(
    ("second", "notes"),
    [
        (
            images("cat", "dog"),
            "validation and test images are held out of the training images of 'archive.zip' and 'archive-2.zip', "
            "because no archive up to these has any (split.val_fraction, split.test_fraction)",
        ),
        (
            FIRST,
            "validation images are held out of the training images of 'archive.zip' and 'archive-2.zip', because no "
            "archive up to these has any (split.val_fraction)\n"
            "test images are held out of the training images of 'archive.zip', because no archive up to it has any "
            "(split.test_fraction)",
        ),
        (
            images(*(f"{split}/{label}" for split in ("train", "val", "test") for label in ("cat", "dog"))),
            "validation and test images are held out of the training images of 'archive.zip', because no archive up to "
            "it has any (split.val_fraction, split.test_fraction)",
        ),
    ],
)
def test_what_is_held_out_of_which_archive(opened, second, notes):
    archive = opened(images("cat", "dog"), second)
    assert "\n".join(note for note in archive.notes if "held out" in note) == notes
    assert not any("held out" in note for note in opened(second, images("cat")).notes if "val" in second[-1])
