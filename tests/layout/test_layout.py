"""Layouts of every kind are found, settled by the user's settings, or refused in a sentence."""

import unicodedata
from collections import Counter

import pytest

from scenes.common.errors import InputError
from scenes.layout.layout import Archive, Member
from tests.helpers.listings import contents, found, table_of
from tests.helpers.pictures import LAYOUT, opened, pack, sound_files

SMALL = contents(f"seg_{split}/{label}/1.jpg" for split in ("train", "test") for label in ("lake", "moor"))
FIRST = "seg_train/lake/1.jpg"


def paths(archive: Archive) -> list[str]:
    return [member.path for member in archive.members]


def refusal(files, **settings) -> str:
    with pytest.raises(InputError) as caught:
        found(files, **settings)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 400
    return message


def images(*folders: str, each: int = 2) -> list[str]:
    return [f"{folder}/{folder.replace('/', '')}{number}.jpg" for folder in folders for number in range(each)]


# Folders named for splits


@pytest.mark.parametrize("top", ["", "seg_{}/", "intel/", "a/b/seg_{}/", "./", "seg_pred/seg_test/"])
@pytest.mark.parametrize("layout", [LAYOUT, {}])
def test_layouts_with_any_top_folder_are_alike(tmp_path, top, layout):
    expected = {
        top.format(split) + f"seg_{split}/{label}/{split}.jpg".replace("//", "/"): (split, label)
        for split, label in [("train", "lake"), ("train", "moor"), ("test", "lake"), ("test", "moor"), ("pred", "")]
    }
    path = pack(tmp_path / "a.zip", {name: name.encode() for name in expected})
    with Archive(path, layout, 1000, 200) as archive:
        assert table_of(archive) == expected
        assert archive.classes == ("lake", "moor")
        assert all(archive.read(name) == name.encode() for name in expected)


def test_members_are_sorted_whatever_the_order_in_the_zip(tmp_path):
    files = sound_files()
    with opened(pack(tmp_path / "a.zip", dict(reversed(files.items())))) as archive:
        assert paths(archive) == sorted(files)
        assert archive.members[-1] == Member(paths(archive)[-1], "train", "moor", len(files[paths(archive)[-1]]))


def test_settings_may_be_missing_or_none(tmp_path):
    path = pack(tmp_path / "a.zip", SMALL)
    layout = {"train": "seg_train", "test": "seg_test"}
    for each in (layout, layout | {"pred": None}, LAYOUT):
        settings = {"layout": each, "max_member_bytes": 1000, "max_ratio": 200, "max_pixels": 1}
        with Archive.from_settings(path, settings) as archive:
            assert table_of(archive) == {path: (path[4:].partition("/")[0], path[-10:-6]) for path in SMALL}


def test_the_end_of_a_path_can_name_a_split():
    files = images("a/x", "a/y", "b/x", "b/y", "old/a/x", each=1)
    layout = found(files, train="a", test="b")
    assert Counter(member.split for member in layout.members) == {"train": 3, "test": 2}
    layout = found(files, train="old/a", test="b", training=False)
    assert (Counter(member.split for member in layout.members), layout.outside) == ({"train": 1, "test": 2}, 2)


def test_a_folder_that_is_not_here_cannot_be_a_split():
    message = refusal(SMALL, train="train", test="seg_test")
    assert "archive.layout.train is 'train'" in message
    assert "'seg_test' and 'seg_train'" in message


@pytest.mark.parametrize("split", ["val", "test"])
def test_images_outside_of_the_splits_are_left_out_and_said(split):
    layout = found([*images("train/x", "train/y", f"{split}/x", f"{split}/y", "extra/x"), "train/loose.jpg"])
    assert layout.outside == 3
    assert any("2 images are outside of the splits and left out, e.g. 'extra/x/" in note for note in layout.notes)
    assert any("1 image is in no class folder and left out, e.g. 'train/loose.jpg'" in note for note in layout.notes)


def test_a_set_with_one_name_of_a_split_has_no_splits():
    layout = found(images("test_images/x", "test_images/y"))
    assert {member.split for member in layout.members} == {"train"}
    assert "all images with a class are in test" in " ".join(layout.notes)
    assert "none to train on" in refusal(images("val/x", "val/y", "test/x", "test/y"))


# Classes


def test_the_class_is_the_path_below_the_split():
    files = images("train/Fruit/Apple", "train/Fruit/Pear", "train/Milk", "test/Fruit/Apple", "test/Milk")
    layout = found(files)
    assert layout.classes == ("Fruit/Apple", "Fruit/Pear", "Milk")
    assert any("archive.layout.depth: 1 makes them 2 classes, 'Fruit' and 'Milk'" in note for note in layout.notes)
    assert found(files, depth=1).classes == ("Fruit", "Milk")
    assert found(files, depth=2).classes == ("Fruit/Apple", "Fruit/Pear", "Milk")


@pytest.mark.parametrize(
    "pattern", ["{}", "pets/{}", "a/b c/{}", "train/{}", "train/images/{}", "{}/images", "train/{}/images", "{}/train"]
)
def test_what_all_paths_share_is_no_class(pattern):
    layout = found(images(pattern.format("cat"), pattern.format("dog")))
    assert layout.classes == ("cat", "dog")
    assert layout.outside == 0


@pytest.mark.parametrize("name", ["train", "steam train", "Test tube"])
def test_a_class_may_have_the_name_of_a_split(name):
    files = images("bus", "car", name)
    layout = found(files)
    assert layout.classes == tuple(sorted(["bus", "car", name]))
    assert any(f"{name!r} is taken for a class and not for a split" in note for note in layout.notes)
    layout = found([f"{split}/{path}" for split in ("train", "test") for path in files])
    assert layout.classes == tuple(sorted(["bus", "car", name]))
    assert Counter(member.split for member in layout.members) == {"train": 6, "test": 6}


@pytest.mark.parametrize("test", ["test", "test/images", "test1/test1", "Unlabelled", "pred"])
@pytest.mark.parametrize("train", ["train/", ""])
def test_test_images_without_classes_are_to_be_predicted(train, test):
    layout = found(images(f"{train}cat", f"{train}dog", test))
    assert Counter(table_of(layout).values()) == {("train", "cat"): 2, ("train", "dog"): 2, ("pred", ""): 2}
    assert layout.classes == ("cat", "dog")
    assert any("held out" in note for note in layout.notes)
    if "test" in test:
        assert any("the 2 images of test have no class and will be predicted" in note for note in layout.notes)


def test_a_class_is_one_whatever_its_unicode_form(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Küste") for form in ("NFC", "NFD"))
    files = contents([f"seg_train/{decomposed}/1.jpg", f"seg_test/{composed}/1.jpg", *SMALL])
    with opened(pack(tmp_path / "a.zip", files)) as archive:
        assert archive.classes == (composed, "lake", "moor")
        assert archive.read(f"seg_train/{decomposed}/1.jpg") == files[f"seg_train/{decomposed}/1.jpg"]


def test_an_empty_class_folder_is_said(tmp_path):
    folders = {"seg_train/dune/": b"", "seg_train/fen/Thumbs.db": b"", "seg_train/bog/1.cr2": b"raw"}
    with opened(pack(tmp_path / "a.zip", SMALL | folders)) as archive:
        assert archive.classes == ("lake", "moor")
        note = "3 folders without an image, taken for no class: 'seg_train/bog', 'seg_train/dune' and 'seg_train/fen'"
        assert note in archive.notes


def test_a_folder_with_two_slashes_in_its_name_is_not_also_said_to_be_empty():
    layout = found(images('=HYPERLINK("http://x")', "b"))
    assert layout.classes == ('=HYPERLINK("http:/x")', "b")
    assert not any("without an image" in note for note in layout.notes)


def test_one_class_is_refused_but_can_be_scored():
    files = images("train/cat", "test/cat")
    assert "all 4 images are of one class, 'cat'" in refusal(files)
    assert found(files, training=False).classes == ("cat",)
    assert "one class, 'dog'" in refusal(images("train/cat", "train/dog"), leave_out=["cat"])


def test_the_columns_that_may_be_labels_are_proposed():
    rows = [f"{number}.jpg,{('cat', 'dog')[number % 2]},{('red', 'blue')[number // 6]},{number * 7}"
            for number in range(12)]  # fmt: skip
    files = contents(f"images/{number}.jpg" for number in range(12))
    files["data.csv"] = "\n".join(["file,animal,colour,weight", *rows]).encode()
    said = "set archive.layout.labels to 'table:data.csv:animal' and 'table:data.csv:colour'"
    assert said.replace(" and ", " or ") in refusal(files)
    assert found(files, labels="table:data.csv:animal").classes == ("cat", "dog")


def test_a_class_without_training_images_is_refused_unless_left_out():
    files = [*SMALL, *images("seg_test/owl")]
    message = refusal(files)
    assert "the class 'owl' has images in seg_test/ but none in seg_train/" in message
    assert "archive.layout.leave_out: ['owl']" in message
    assert found(files, leave_out=["owl"]).classes == ("lake", "moor")
    assert found(files, leave_out=["owl"]).outside == 2
    assert found(files, training=False).classes == ("lake", "moor", "owl")
    assert "leave_out has 'elk', which is not a class; the classes are 'lake', 'moor' and 'owl'" in refusal(
        files, leave_out=["elk"]
    )


# The name of a file


def test_the_label_in_the_name_of_a_file():
    files = ["train/cat.0.jpg", "train/cat.1.jpg", "train/dog.0.jpg", "train/dog.1.jpg", "train/x.jpg", "test/1.jpg"]
    layout = found(files, labels=r"name:^(?P<label>\w+)\.\d+\.jpg$")
    assert Counter(table_of(layout).values()) == {("train", "cat"): 2, ("train", "dog"): 2, ("pred", ""): 1}
    assert any("1 image is named otherwise and left out, e.g. 'train/x.jpg'" in note for note in layout.notes)
    assert "no group (?P<label>...)" in refusal(files, labels=r"name:^(\w+)")
    assert "is not a regular expression" in refusal(files, labels="name:(")
    assert "put the images of each class in a folder" in refusal(files, labels="name:^(?P<label>z+)")


@pytest.mark.parametrize("folder", ["", "images/", "train/"])
@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["cat.0.jpg", "cat.1.jpg", "cat.2.jpg", "dog.0.jpg", "dog.1.jpg", "dog.2.jpg"], {"cat", "dog"}),
        (["great_dane_1.jpg", "great_dane_2.jpg", "great_dane_03.png", "pug_1.jpg", "pug_2.jpg", "pug_9.jpg"], None),
        (["n01_cat.JPEG", "n02_cat.JPEG", "n03_cat.JPEG", "n04_dog.JPEG", "n05_dog.JPEG", "n05_dog.PNG"], None),
        (["cat (1).jpg", "cat (2).jpg", "cat (3).jpg", "dog (1).jpg", "dog (2).jpg", "dog (3).jpg"], None),
    ],
)
def test_a_pattern_is_proposed_that_works(folder, names, labels):
    files = [folder + name for name in names]
    message = refusal(files)
    pattern = message.partition("set archive.layout.labels to '")[2].removesuffix("'")
    layout = found(files, labels=pattern)
    assert len(layout.members) == 6
    assert layout.classes == tuple(sorted(labels or {"great_dane", "pug", "cat", "dog"} & set(layout.classes)))
    assert len(layout.classes) == 2


def test_no_pattern_is_proposed_where_names_say_nothing():
    message = refusal([f"DSC_{number:04}.jpg" for number in range(20)])
    assert "put the images of each class in a folder" in message


# Subjects


def test_the_subject_in_a_path():
    files = [f"train/{label}/p{patient}_{number}.jpg" for label in "ab" for patient in range(3) for number in range(2)]
    layout = found(files, subject=r"path:/(p\d+)_")
    assert {member.path: member.subject for member in layout.members} == {path: path[8:10] for path in files}
    assert any("12 images of 3 subjects" in note for note in layout.notes)
    assert {member.subject for member in found(files, subject=r"path:p[01]").members} == {"p0", "p1", ""}
    assert any("4 images without a subject" in note for note in found(files, subject="path:p[01]").notes)
    assert "is not a regular expression" in refusal(files, subject="path:(")


# Everything else


def test_litter_other_files_and_images_outside_are_counted_and_skipped(tmp_path):
    litter = [
        "__MACOSX/seg_train/lake/._1.jpg",
        "seg_train/lake/.DS_Store",
        "seg_train/lake/Thumbs.db",
        ".hidden/seg_train/lake/2.jpg",
        "seg_train/.cache/deep/er/1.jpg",
    ]
    others = ["ground_truth.csv", "docs/readme/long.txt", "seg_train/labels.txt", "seg_train/lake/2.JPG.cfg", "README"]
    folders = ["seg_train/", "seg_train/lake/", "docs/", "__MACOSX/"]
    files = SMALL | dict.fromkeys([*litter, *others, "other/lake/1.jpg", *folders], b"")
    with opened(pack(tmp_path / "a.zip", files)) as archive:
        assert paths(archive) == sorted(SMALL)
        assert (archive.litter, archive.outside, archive.case_collisions) == (len(litter), 1, 0)
        assert archive.skipped == {".csv": 1, ".txt": 2, ".cfg": 1, "without a suffix": 1}


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "jfif", "png", "webp", "gif", "bmp", "TIFF", "pgm", "heic", "avif"])
def test_images_are_known_by_their_suffix(suffix):
    assert len(found([path.replace("jpg", suffix) for path in SMALL]).members) == len(SMALL)


def test_no_image_at_all_is_refused_with_what_there_is():
    message = refusal(["a/1.mp4", "a/2.mp4", "b/x.csv", "c/3.MP4"])
    assert "there is no image, only 4 other files (3 .mp4, 1 .csv) in 'a', 'b' and 'c'" in message
    assert "nor any other file" in refusal([])


def test_names_that_differ_in_case_or_unicode_form_alone_are_counted(tmp_path):
    cafe = "café"
    names = ["A.jpg", "a.jpg", f"{unicodedata.normalize('NFC', cafe)}.jpg", f"{unicodedata.normalize('NFD', cafe)}.jpg"]
    files = SMALL | {f"seg_train/lake/{name}": name.encode() for name in names}
    with opened(pack(tmp_path / "a.zip", files)) as archive:
        assert archive.case_collisions == 4
        assert len(archive.members) == len(SMALL) + 4
        assert archive.read("seg_train/lake/a.jpg") == b"a.jpg"


def test_a_refusal_names_the_archive(tmp_path):
    with pytest.raises(InputError, match=r"a\.zip: there is no image"):
        opened(pack(tmp_path / "a.zip", {}))
