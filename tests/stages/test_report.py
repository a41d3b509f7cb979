"""The stage `report`: all three files or none."""

import shutil

import pytest

from scenes.common.errors import exit_on_input_error
from stages import report
from tests.code_facts import ROOT
from tests.helpers import reported


@pytest.fixture
def folder(tmp_path, monkeypatch):
    reported.folder(tmp_path, models=("baseline", "transfer"))
    reported.write_json(tmp_path / "data/scores/finetuned.json", {})
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_files_are_written_and_twice_the_same(folder, capsys):
    report.main()
    files = [folder / "reports" / name for name in ("model_card.md", "report.html", "report.md")]
    assert sorted((folder / "reports").iterdir()) == files
    first = [file.read_bytes() for file in files]
    report.main()
    assert [file.read_bytes() for file in files] == first
    assert b"\r" not in b"".join(first)
    said = capsys.readouterr().out
    assert "report on baseline, transfer; in production: baseline, test accuracy 0.8765" in said


def test_a_missing_input_is_one_sentence_and_leaves_nothing(folder, capsys):
    (folder / "data/scores/production.json").unlink()
    with pytest.raises(SystemExit), exit_on_input_error():
        report.main()
    assert capsys.readouterr().err.count("\n") == 1
    assert not (folder / "reports").exists()
