"""The answer sheet of a drawn archive: found where it is one, and nowhere else."""

import pytest

from scenes.synthetic import ground_truth
from tests.helpers import pictures

SHEET = b"path,ground_truth,label,classes,fault,duplicate_of,change\na.jpg,NA,007,sea glacier,,,\n"


@pytest.mark.parametrize(
    "content",
    [None, b"", b"path,truth\na,b\n", b"\xff\xfe\x00", b"a note\nof, several, lines\n"],
    ids=["none", "empty", "other columns", "binary", "a note"],
)
def test_other_archives_have_none(content, tmp_path):
    files = pictures.sound_files() | ({} if content is None else {"ground_truth.csv": content})
    with pictures.opened(pictures.pack(tmp_path / "a.zip", files)) as archive:
        assert ground_truth.read(archive) is None


def test_all_columns_are_text(tmp_path):
    path = pictures.pack(tmp_path / "a.zip", pictures.sound_files() | {"ground_truth.csv": SHEET})
    with pictures.opened(path) as archive:
        (row,) = ground_truth.read(archive).itertuples(index=False)
    assert tuple(row) == ("a.jpg", "NA", "007", "sea glacier", "", "", "")
