"""Archives as people pack their own pictures: what is found in each, and what is said of it."""

from collections import Counter

import pytest

from scenes.common.errors import InputError
from scenes.layout.layout import Archive, Entry, find_members
from scenes.layout.summary import summary
from tests.helpers import own_archives
from tests.helpers.listings import contents, found

NO_VAL = "there is no validation set: one is held out of the training images (split.val_fraction)"
NO_SPLIT = (
    "there is no split: validation and test images are held out of the training images "
    "(split.val_fraction, split.test_fraction)"
)
# What is printed for each.
SAID = {
    "no_split": ["24 images; 2 classes (12 images each); nothing else", NO_SPLIT],
    "train_val": [
        "train/ 24, val/ 24; 2 classes (24 images each); nothing else",
        "there is no labelled test set: one is held out of the training images (split.test_fraction)",
    ],
    "train_valid_test": ["train/ 24, valid/ 24, test/ 24; 2 classes (36 images each); nothing else"],
    "images_and_csv": [
        "24 images; 2 classes (12 images each); nothing else",
        "the classes are taken from 'labels.csv' (column 'label')",
        NO_SPLIT,
    ],
    "roboflow_one_hot": [
        "train/ 12, valid/ 12, test/ 12; 2 classes (18 images each); nothing else",
        "the classes are taken from 'test/_classes.csv', 'train/_classes.csv' and 'valid/_classes.csv' (2 columns of "
        "0 and 1)",
    ],
    "hugging_face_metadata": [
        "train/ 12, test/ 12; 2 classes (12 images each); nothing else",
        "the classes are taken from 'test/metadata.csv' and 'train/metadata.csv' (column 'label')",
        NO_VAL,
    ],
    "nested_classes": [
        "train/ 36, test/ 36; 3 classes (24 images each); nothing else",
        NO_VAL,
        "classes are folders in folders, e.g. 'Fruit/Apple/Gala'; archive.layout.depth: 1 makes them 2 classes, "
        "'Fruit' and 'Packages'",
    ],
    "netpbm": ["train/ 24, test/ 24; 2 classes (24 images each); nothing else", NO_VAL],
    "web_pages": ["train/ 12, test/ 12; 2 classes (12 images each); nothing else", NO_VAL],  # audit looks inside
    "upload_litter": ["train/ 24, test/ 24; 2 classes (24 images each); 48 .cfg files left out", NO_VAL],
    "few_of_a_class": ["train/ 16, test/ 16; 2 classes (8 to 24 images); nothing else", NO_VAL],
    "one_class_lacks_test": [
        "train/ 30, test/ 24; 3 classes (6 to 24 images); nothing else",
        "the class 'owl' has no test images",
        NO_VAL,
    ],
    "case_differs_between_splits": [
        "train/ 24, test/ 24; 2 classes (24 images each); nothing else",
        "classes that differ in case alone, 'Cat' and 'cat' (1 more such), are taken as one, spelled as in train",
        NO_VAL,
    ],
    "hundred_classes": ["train/ 306, test/ 306; 102 classes (6 images each); nothing else", NO_VAL],
    "capital_splits": ["Training/ 24, Testing/ 24; 2 classes (24 images each); nothing else", NO_VAL],
    "split_inside_class": ["train/ 24, test/ 24; 2 classes (24 images each); nothing else", NO_VAL],
    "digits": ["train/ 120, test/ 40; 10 classes (16 images each); nothing else", NO_VAL],
    "bmp_scans": ["train/ 6, test/ 6; 2 classes (6 images each); nothing else", NO_VAL],
    "utf8_names_without_flag": [
        "train/ 24, test/ 24; 2 classes (24 images each); nothing else",
        "48 names do not say how they are encoded and were read as UTF-8, which they are valid in, e.g. 'ñé'",
        NO_VAL,
    ],
    "easy_and_small": ["train/ 120, test/ 120; 2 classes (120 images each); nothing else", NO_VAL],
}
# Parts of the sentences that refuse the others, and settings with which they are read.
REFUSED = {
    "imagenet_flat": (
        ["no class folder holds the 24 images, e.g. 'n1440764_cat.JPEG'", r"'name:^[^_]*_(?P<label>.+)\.\w+$'"],
        {"labels": r"name:^[^_]*_(?P<label>.+)\.\w+$"},
    ),
    "gbk_names": (["'杯子' in gbk", "'▒¡╫╙' in cp437", "archive.name_encoding"], {"name_encoding": "gbk"}),
    "multi_label": (
        ["30 of 30 images are in several classes, e.g. 'test/fire/0.jpg' in 'fire' and 'flying'", "multi-label"],
        {"leave_out": ["flying", "grass"]},
    ),
}
CLASSES = {
    "nested_classes": ("Fruit/Apple/Gala", "Fruit/Lemon", "Packages/Milk/Oat"),
    "one_class_lacks_test": ("cat", "dog", "owl"),
    "hundred_classes": tuple(f"class with a rather long name, number {number:03}" for number in range(102)),
    "gbk_names": ("杯子", "苹果"),
    "utf8_names_without_flag": ("ñé", "öü"),
    "digits": tuple("0123456789"),
}


def opened(name, folder, name_encoding=None, **layout) -> Archive:
    return Archive(own_archives.write(name, folder), layout, 50_000_000, 200, name_encoding)


def test_every_archive_is_here():
    assert SAID.keys() | REFUSED.keys() == own_archives.ARCHIVES.keys()


@pytest.mark.parametrize("name", SAID)
def test_what_is_said(tmp_path, name):
    with opened(name, tmp_path) as archive:
        assert summary(archive.found) == SAID[name]
        assert archive.classes == CLASSES.get(name, ("cat", "dog"))
        assert all(archive.read(member.path) for member in archive.members[::10])


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_until_it_is_set(tmp_path, name):
    parts, settings = REFUSED[name]
    with pytest.raises(InputError) as caught:
        opened(name, tmp_path)
    message = str(caught.value)
    assert all(part in message for part in parts)
    assert len(message.replace(str(tmp_path), "")) < 400
    assert "\n" not in message
    if name == "multi_label":  # then one class is left
        with pytest.raises(InputError, match="all images are of one class, 'fire'"):
            opened(name, tmp_path, **settings)
        return
    with opened(name, tmp_path, **settings) as archive:
        assert archive.classes == CLASSES.get(name, ("cat", "dog"))
        assert len(archive.members) == len(list(own_archives.ARCHIVES[name]()))


@pytest.mark.parametrize("name", sorted(SAID.keys() - own_archives.ENCODINGS.keys()))
def test_a_folder_is_read_as_its_zip(tmp_path, name):
    """A folder's listing has no checksums: files of the same size and name are compared."""
    root = own_archives.unpack(name, tmp_path)
    files = {str(path.relative_to(root)): Entry(path.stat().st_size) for path in root.rglob("*") if path.is_file()}
    layout = find_members(files, {}, lambda path: (root / path).read_bytes())
    with opened(name, tmp_path) as archive:
        assert layout == archive.found


def test_the_labels_are_those_that_the_generator_drew(tmp_path):
    """In a table, pictures of even numbers are cats, those of odd ones dogs."""
    for name in ("images_and_csv", "roboflow_one_hot", "hugging_face_metadata"):
        with opened(name, tmp_path) as archive:
            for member in archive.members:
                number = int("".join(filter(str.isdigit, member.path)))
                assert member.label == ("cat", "dog")[number % 2]
                assert member.split == {"valid": "val", "images": "train"}.get(
                    member.path.split("/")[0], member.path.split("/")[0]
                )


def test_depth_joins_nested_classes(tmp_path):
    with opened("nested_classes", tmp_path, depth=1) as archive:
        assert Counter(member.label for member in archive.members) == {"Fruit": 48, "Packages": 24}


def test_multi_label_data_is_said_first_when_each_class_has_images_of_its_own():
    own = [f"{split}/{label}" for split in ("train", "test") for label in ("fire", "flying", "grass")]
    files = dict(own_archives.multi_label()) | contents(f"{folder}/own.jpg" for folder in own)
    assert found(files).notes[0] == (
        "30 of 36 images are in several classes, e.g. 'test/fire/0.jpg' in 'fire' and 'flying': this is multi-label "
        "data, but a model here learns one class for each image"
    )
