"""Marks of outputs without content: folders that DVC tracks and draws, and that readers recognise."""

import pandas as pd

from scenes.common import unused


def test_folders_hold_the_mark_alone_and_are_recognised(tmp_path):
    full, new = tmp_path / "full", tmp_path / "above/new"
    full.mkdir()
    (full / "model.json").write_text("{}")
    assert not unused.is_unused(full)
    assert not unused.is_unused(new)
    unused.mark(full, new)
    for folder in (full, new):
        assert [path.name for path in folder.iterdir()] == [unused.MARK]
        assert (folder / unused.MARK).read_bytes() == b"unused\n"
        assert unused.is_unused(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["above", "full"]


def test_a_table_without_rows_has_its_columns(tmp_path):
    for sep in ",\t":
        unused.write_header(tmp_path / "table", ["epoch", "val_accuracy"], sep=sep)
        table = pd.read_csv(tmp_path / "table", sep=sep)
        assert list(table) == ["epoch", "val_accuracy"]
        assert len(table) == 0
