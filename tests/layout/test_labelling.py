"""A setting that gives the images of one of several archives no class does not take away those it has without it."""

import pytest

from scenes.common.archives import archive_name
from scenes.common.errors import InputError
from scenes.layout.layout import Archive
from tests.helpers.listings import contents, table_of
from tests.helpers.pictures import pack

TABLE = b"file,kind\n0.jpg,cat\n1.jpg,dog\n"
BY_FOLDER = contents(f"{label}/{number}.jpg" for label in ("cat", "dog") for number in range(2))
BY_TABLE = {**contents(["0.jpg", "1.jpg"]), "labels.csv": TABLE}
BY_TABLE_IN_A_FOLDER = {**contents(["photos/0.jpg", "photos/1.jpg"]), "labels.csv": TABLE}
BY_NAME = contents(f"{label}_{number}.jpg" for label in ("cat", "dog") for number in range(2))
OTHER_COLUMN = {**BY_TABLE, "labels.csv": TABLE.replace(b"kind", b"species")}


def labels(folder, *archives, **layout) -> list[list[str]]:
    """Return the labels of the images of each archive."""
    for number, files in enumerate(archives, 1):
        pack(
            folder / archive_name(number),
            {path: data if path == "labels.csv" else b"%d" % number + data for path, data in files.items()},
        )
    with Archive(folder, layout, 10_000, 200) as archive:
        return [
            [member.label for member in archive.members if member.archive == number]
            for number in range(1, 1 + len(archives))
        ]


@pytest.mark.parametrize(
    ("setting", "fits", "other"),
    [
        ("name:^(?P<label>[a-z]+)_", BY_NAME, BY_FOLDER),
        ("name:^(?P<label>[a-z]+)_", BY_NAME, BY_TABLE),
        ("folders", BY_FOLDER, BY_TABLE),
        ("folders", BY_FOLDER, BY_TABLE_IN_A_FOLDER),
        ("table:labels.csv", BY_TABLE, BY_FOLDER),
        ("table:labels.csv:kind", BY_TABLE, OTHER_COLUMN),
    ],
)
def test_labels_count_where_they_fit(tmp_path, setting, fits, other):
    for number, archives in enumerate(((fits, other), (other, fits))):
        folder = tmp_path / str(number)
        folder.mkdir()
        for each in labels(folder, *archives, labels=setting):
            assert set(each) == {"cat", "dog"}


def test_labels_that_fit_no_archive_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"archive\.zip: archive\.layout\.labels is 'name:.*', which gives no image"):
        labels(tmp_path, BY_FOLDER, BY_TABLE, labels="name:^(?P<label>[a-z]+)_")


def test_a_folder_for_predictions_that_another_archive_has(tmp_path):
    first, second = ({**BY_FOLDER, f"{name}/9.jpg": b"9"} for name in ("todo", "unlabelled"))
    assert [sorted(each) for each in labels(tmp_path, first, second, pred="todo")] == 2 * [
        ["", "cat", "cat", "dog", "dog"]
    ]
    with Archive(tmp_path / archive_name(2), {"pred": "todo"}, 10_000, 200) as alone:
        assert table_of(alone)["unlabelled/9.jpg"] == ("pred", "")
