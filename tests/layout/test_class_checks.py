"""What is said of classes, or refused, before an image is decoded."""

import pytest

from scenes.common.errors import InputError
from tests.helpers.listings import contents, found

BASE = [f"{split}/{label}/{split}{number}.jpg" for split in ("train", "test") for label in "ab" for number in range(20)]


def test_case_that_differs_between_splits_is_joined():
    layout = found([path.replace("test/a", "test/A") for path in BASE])
    assert layout.classes == ("a", "b")
    assert {member.label for member in layout.members if member.split == "test"} == {"a", "b"}
    assert "classes that differ in case alone, 'A' and 'a', are taken as one, spelled as in train" in layout.notes


def test_case_that_differs_within_a_split_makes_two_classes():
    layout = found([*BASE, "train/A/1.jpg", "train/A/2.jpg"])
    assert layout.classes == ("A", "a", "b")
    assert (
        "classes that differ in case alone, 'A' and 'a', are in one split together, so they are taken as different"
        in layout.notes
    )
    assert "the class 'A' has no test images" in layout.notes


def test_images_in_two_classes_are_counted_before_all_else():
    files = contents(BASE)
    files |= {"train/b/copy.jpg": files[BASE[0]]}
    assert found(files).notes[0] == (
        "1 of 80 images is in several classes, e.g. 'train/a/train0.jpg' in 'a' and 'b'; "
        "see split.drop_conflicting_duplicates"
    )
    files = contents(BASE) | {f"train/b/copy{number}.jpg": files[BASE[number]] for number in range(5)}
    assert found(files).notes[0].startswith("5 of 80 images are in several classes")
    assert "this is multi-label data" in found(files).notes[0]


def test_a_class_without_images_of_its_own_is_refused_unless_left_out():
    files = contents(BASE)
    files |= {f"train/c/{number}.jpg": files[BASE[number]] for number in range(10)}
    with pytest.raises(InputError, match="no image is of 'c' alone"):
        found(files)
    assert found(files, training=False).classes == ("a", "b", "c")
    layout = found(files, leave_out=["c"])
    assert (layout.classes, layout.outside) == (("a", "b"), 10)


def test_the_same_page_in_place_of_every_image_is_no_second_label():
    pages = dict.fromkeys(BASE, b"<html>not found</html>")
    for with_crc in (True, False):
        assert not any("several classes" in note for note in found(pages, with_crc=with_crc).notes)
    assert found(dict.fromkeys(BASE, b"")).classes == ("a", "b")


def test_files_of_equal_size_and_name_are_read_where_there_are_no_checksums():
    """Uncompressed images are all of one size, and every class folder may begin at 0."""
    size = {f"{split}/{label}/{number}.bmp": f"{split:5}{label}{number:03}".encode() for split in ("train", "test")
            for label in "ab" for number in range(150)}  # fmt: skip
    assert not any("several classes" in note for note in found(size, with_crc=False).notes)
    same = {path: path.rpartition("/")[2].encode() for path in size if path.startswith("train")}
    same |= {f"train/{label}/own{label}.bmp": label.encode() * 9 for label in "ab"}
    assert found(same, with_crc=False).notes[0].startswith("150 of 152 images are in several classes")


def test_a_folder_of_nearly_all_images_is_left_out_but_not_one_of_two_classes():
    files = contents(f"{label}/{label}{number}.jpg" for label in "abc" for number in range(20))
    some = {f"All/{number}.jpg": data for number, data in enumerate(files.values()) if number % 30}
    layout = found(files | some | {"All/more.jpg": b"more"})
    assert layout.classes == ("a", "b", "c")
    assert layout.notes[0] == (
        "the folder 'All' holds 58 of the 60 images of the other classes and little else, so it is left out"
    )
    more = {f"All/more{number}.jpg": b"more %d" % number for number in range(20)}
    assert found(files | some | more, training=False).classes == ("All", "a", "b", "c")
    two = {path: data for path, data in files.items() if path[0] in "ab"}
    copies = {f"b/{number}.jpg": two[f"a/a{number}.jpg"] for number in range(20)}
    with pytest.raises(InputError, match="20 of 40 images are in several classes"):
        found(two | copies)


def test_a_folder_of_all_images_of_one_split_is_left_out():
    files = contents(f"{split}/{label}/{label}{split}{number}.jpg" for split, images in (("train", 8), ("test", 4))
                     for label in "abc" for number in range(images))  # fmt: skip
    train = [data for path, data in files.items() if path.startswith("train")]
    every = {f"train/all/{number}.jpg": data for number, data in enumerate(train)}
    layout = found(files | every)
    assert (layout.classes, len(layout.members)) == (("a", "b", "c"), 36)
    assert layout.notes[0].startswith("the folder 'all' holds 24 of the 24 images of the other classes")
    tested = {f"test/all/{number}.jpg": b"other %d" % number for number in range(12)}
    assert found(files | every | tested).classes == ("a", "all", "b", "c")


def test_several_classes_lack_training_images():
    with pytest.raises(InputError) as caught:
        found([*BASE, "val/c/1.jpg", "test/c/1.jpg", "test/d/1.jpg"])
    assert "the classes 'c' and 'd' have images in test/ but none in train/" in str(caught.value)
    assert "leave them out by archive.layout.leave_out: ['c', 'd']" in str(caught.value)
