"""Outputs are whole or absent, also when the process is killed while it writes."""

import signal
import subprocess
import sys

import pytest

from scenes.common.files import atomic_dir, atomic_write, suggest_path
from tests.code_facts import ROOT


def test_a_file_appears_whole_and_replaces_the_old_one(tmp_path):
    target = tmp_path / "deep" / "a.csv"
    for text in ("one", "two"):
        with atomic_write(target) as path:
            assert path.suffix == ".csv"
            path.write_text(text)
            assert not target.exists() or target.read_text() != text
        assert target.read_text() == text
    assert [f.name for f in target.parent.iterdir()] == ["a.csv"]


def test_after_an_error_the_old_outputs_stand_and_nothing_else(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(RuntimeError), atomic_write(tmp_path / "a", tmp_path / "b") as (a, b):
        a.write_text("new")
        b.write_text("new")
        raise RuntimeError
    assert {f.name: f.read_text() for f in tmp_path.iterdir()} == {"a": "old"}


def test_folders_are_replaced_as_a_whole(tmp_path):
    for name in ("one", "two"):
        with atomic_dir(tmp_path / "folder") as folder:
            (folder / name).write_text("")
    assert [f.name for f in (tmp_path / "folder").iterdir()] == ["two"]


@pytest.mark.process
def test_a_killed_writer_leaves_no_output_and_the_next_one_cleans_up(tmp_path):
    code = (
        "import sys, time; from scenes.common.files import atomic_dir, atomic_write\n"
        "with atomic_write(sys.argv[1]) as path:\n"
        "    path.write_text('half'); print('writing', flush=True); time.sleep(60)"
    )
    target = tmp_path / "out.csv"
    process = subprocess.Popen([sys.executable, "-c", code, str(target)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    assert not target.exists()
    with atomic_write(target) as path:
        assert not path.exists()
        path.write_text("whole")
    assert [f.name for f in tmp_path.iterdir()] == ["out.csv"]


def test_a_path_that_does_not_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert suggest_path("flowers") == f"{tmp_path} has nothing in it"
    (tmp_path / "flowers").mkdir()
    (tmp_path / ".hidden").touch()
    for path in ("flwers", "flwers/tulips", tmp_path / "flower", f"../{tmp_path.name}/flower"):
        assert suggest_path(path) == f"did you mean '{tmp_path}/flowers'?"
    assert suggest_path("x/y") == f"{tmp_path} has 'flowers'"
