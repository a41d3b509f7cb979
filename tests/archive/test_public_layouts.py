"""The layouts of well-known public data sets, in miniature, with the names of their folders, tables and columns."""

from collections import Counter

import pytest

from tests.helpers.listings import contents, found, table_of


def rows(header: str, *lines: str) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def names(pattern: str, count: int = 6) -> list[str]:
    return [pattern.format(number) for number in range(count)]


def counts(layout) -> dict[tuple[str, str], int]:
    return dict(Counter(table_of(layout).values()))


def test_traffic_signs_with_a_flat_test_set_and_its_table():
    """GTSRB: Train/<class>/, Test/ flat with Test.csv, Meta/ with a drawing of each class and tables of boxes."""
    train = [f"Train/{label}/0000{label}_{number}.png" for label in range(3) for number in range(4)]
    test, meta = names("Test/0000{}.png"), names("Meta/{}.png", 3)
    box = "Width,Height,Roi.X1,ClassId,Path"
    layout = found(
        contents([*train, *test, *meta])
        | {
            "Train.csv": rows(box, *(f"53,54,6,{path.split('/')[1]},{path}" for path in train)),
            "Test.csv": rows(box, *(f"5{number},54,6,{number % 3},{path}" for number, path in enumerate(test))),
            "Meta.csv": rows("Path,ClassId,ShapeId", *(f"{path},{n},1" for n, path in enumerate(meta))),
        }
    )
    expected = {("train", label): 4 for label in "012"} | {("test", label): 2 for label in "012"}
    assert counts(layout) == expected
    assert layout.outside == 3
    assert any("the classes in test are taken from 'Test.csv' (column 'ClassId')" in note for note in layout.notes)
    assert not any("labels the images as well" in note for note in layout.notes)


def test_skin_lesions_in_two_folders_with_a_table_of_ids():
    """HAM10000: the folders are parts, the table has ids without suffix, and several images show one lesion."""
    images = [f"HAM10000_images_part_{1 + number // 4}/ISIC_002{number}.jpg" for number in range(8)]
    table = rows(
        "lesion_id,image_id,dx,dx_type,age,sex,localization",
        *(f"HAM_{n // 2},ISIC_002{n},{'nv' if n % 4 < 2 else 'mel'},histo,{50 + n},male,back" for n in range(8)),
    )
    files = contents(images) | {"HAM10000_metadata.csv": table}
    layout = found(files, subject="column:lesion_id")
    assert counts(layout) == {("train", "nv"): 4, ("train", "mel"): 4}
    assert [member.subject for member in layout.members] == [f"HAM_{number // 2}" for number in range(8)]
    assert any("8 images of 4 subjects" in note for note in layout.notes)


def test_competition_with_a_table_for_train_and_an_example_of_an_answer():
    """Cassava and dog breeds: train_images/ with train.csv, test_images/, sample_submission.csv with dummy labels."""
    for column, suffix in (("image_id", ".jpg"), ("id", "")):
        layout = found(
            contents([*names("train_images/10{}.jpg"), *names("test_images/22{}.jpg", 3)])
            | {
                "train.csv": rows(f"{column},label", *(f"10{number}{suffix},{number % 2}" for number in range(6))),
                "sample_submission.csv": rows(f"{column},label", *(f"22{n}{suffix},{n % 2}" for n in range(3))),
            }
        )
        assert counts(layout) == {("train", "0"): 3, ("train", "1"): 3, ("pred", ""): 3}
        assert layout.skipped == {".csv": 1}


def test_cats_and_dogs_by_name():
    """Dogs vs. Cats: train/cat.0.jpg, test1/1.jpg."""
    files = [*names("train/cat.{}.jpg"), *names("train/dog.{}.jpg"), *names("test1/{}.jpg", 4)]
    layout = found(files, labels=r"name:^(?P<label>[a-z]+)\.")
    assert counts(layout) == {("train", "cat"): 6, ("train", "dog"): 6, ("pred", ""): 4}


def test_x_rays_packed_twice():
    """Chest X-Ray: the same folders again inside, and what a Mac leaves."""
    paths = [
        f"{top}/{split}/{label}/{number}.jpeg"
        for top in ("chest_xray", "chest_xray/chest_xray", "chest_xray/__MACOSX/chest_xray")
        for split in ("train", "val", "test")
        for label in ("NORMAL", "PNEUMONIA")
        for number in range(3)
    ]
    layout = found({path: path[-24:].encode() for path in paths})
    assert layout.classes == ("NORMAL", "PNEUMONIA")
    assert Counter(member.split for member in layout.members) == {"train": 12, "val": 12, "test": 12}
    assert layout.litter == 18


def test_tiny_imagenet():
    """The images of a class in a folder images, beside boxes; validation images flat, with a table without header."""
    train = [f"tiny/train/n0{label}/images/n0{label}_{number}.JPEG" for label in range(2) for number in range(4)]
    layout = found(
        contents([*train, *names("tiny/val/images/val_{}.JPEG", 4), *names("tiny/test/images/test_{}.JPEG", 2)])
        | {
            "tiny/train/n00/n00_boxes.txt": b"n00_0.JPEG\t0\t10\t63\t58\n",
            "tiny/wnids.txt": b"n00\nn01\n",
            "tiny/val/val_annotations.txt": b"".join(b"val_%d.JPEG\tn0%d\t0\t32\n" % (n, n % 2) for n in range(4)),
        }
    )
    assert counts(layout) == {
        **{("train", f"n0{label}"): 4 for label in range(2)},
        **{("val", f"n0{label}"): 2 for label in range(2)},
        ("pred", ""): 2,
    }


def test_a_table_that_repeats_the_folders_is_no_news():
    """The data sets of birds and sports: folders and a table with the same classes and splits."""
    paths = [f"{s}/{c}/{n}.jpg" for s in ("train", "valid", "test") for c in ("ABBOTTS BABBLER", "ROBIN") for n in "12"]
    lines = [
        f"{float(path.split('/')[1] == 'ROBIN')},{path},{path.split('/')[1]},{path.split('/')[0]}" for path in paths
    ]
    layout = found(contents(paths) | {"birds.csv": rows("class id,filepaths,labels,data set", *lines)})
    assert Counter(member.split for member in layout.members) == {"train": 4, "val": 4, "test": 4}
    assert layout.notes == ()
    assert layout.skipped == {".csv": 1}


def test_folders_of_patients_are_questioned_by_the_table():
    paths = [f"images/patient{patient}/{number}.png" for patient in range(4) for number in range(3)]
    lines = [f"{path},{'sick' if path[-5] == '1' else 'well'}" for path in paths]
    files = contents(paths) | {"labels.csv": rows("path,diagnosis", *lines)}
    layout = found(files)
    assert len(layout.classes) == 4
    assert any("set archive.layout.labels to 'table:labels.csv'" in note for note in layout.notes)
    layout = found(files, labels="table:labels.csv", subject=r"path:(patient\d+)")
    assert counts(layout) == {("train", "sick"): 4, ("train", "well"): 8}


def test_findings_joined_by_bars_are_several_classes():
    """NIH Chest X-rays: images_001/images/, and "Finding Labels" such as Effusion|Mass."""
    paths = [f"images_00{1 + number // 6}/images/000{number:02}.png" for number in range(12)]
    findings = ["Effusion", "Mass", "Effusion|Mass", "No Finding"] * 3
    lines = [
        f"{path.split('/')[-1]},{finding},0,{n}" for n, (path, finding) in enumerate(zip(paths, findings, strict=True))
    ]
    layout = found(
        contents(paths) | {"Data_Entry_2017.csv": rows("Image Index,Finding Labels,Follow-up,Patient ID", *lines)}
    )
    assert layout.notes[0].startswith(
        "3 of 12 images are in several classes, e.g. 'images_001/images/00002.png' in 'Eff"
    )
    assert counts(layout) == {("train", label): 3 for label in ("Effusion", "Mass", "No Finding")}


@pytest.mark.parametrize("with_crc", [True, False])
def test_a_folder_with_all_images_is_left_out(with_crc):
    files = {
        f"{label}/{label}{number}.jpg": b"%s %d" % (label.encode(), number) for label in "abc" for number in range(9)
    }
    files |= {f"all/{path.split('/')[1]}": data for path, data in files.items()}
    layout = found(files, with_crc=with_crc)
    assert layout.classes == ("a", "b", "c")
    assert layout.notes[0].startswith("the folder 'all' holds 27 of the 27 images of the other classes")
    assert layout.outside == 27
