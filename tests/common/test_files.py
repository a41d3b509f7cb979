"""Outputs are whole or absent, also when the process is killed while it writes; what it leaves is read by nobody."""

import ast
import signal
import subprocess
import sys

import pytest

from scenes.commands import checkout
from scenes.common.files import atomic_dir, atomic_write, remove_leftovers, suggest_path, visible
from scenes.evaluation import selection
from scenes.export import check
from scenes.provenance import record
from scenes.report import pictures
from scenes.training import state_key
from tests.code_facts import PACKAGES, ROOT


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


LEFTOVERS = (".tmp-b.png", ".tmp-folder/b.png", "deep/.tmp-b.png", ".DS_Store", ".b.json", ".tmp-model/model.keras")
# What lists folders without `visible`, and why it may.
LISTING = {
    "scenes/common/files.py": "it is decided there",
    "scenes/common/system_failures.py": "which disk is full",
    "scenes/commands/repair.py": "the run cache of DVC",
    "scenes/executors/packed_folders.py": "what it has packed itself",
    "scenes/own/finetune.py": "the devices of a GPU",
    "scenes/download/folder.py": "people's pictures, with a rule of their own",
    "scenes/provenance/code.py": "the project's code, with a rule of its own",
    "scenes/serving/photos.py": "people's pictures, with a rule of their own",
}


@pytest.fixture
def littered(tmp_path):
    """A folder of one picture, and what a killed stage and a desktop have left beside it."""
    (tmp_path / "deep").mkdir()
    for name in ("deep/a.png", *LEFTOVERS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"left")
    return tmp_path


def test_no_reader_takes_a_dotfile(littered, tmp_path_factory, monkeypatch):
    clean = tmp_path_factory.mktemp("clean")
    (clean / "deep").mkdir()
    (clean / "deep/a.png").write_bytes(b"left")
    assert visible(littered, "**/*.png") == [littered / "deep/a.png"]
    assert visible(littered) == [littered / "deep"]
    assert record.folder_hash(littered) == record.folder_hash(clean)
    assert selection._hashes(littered / "deep").keys() == {"a.png"}
    assert [path.name for path in state_key._files([littered])] == ["a.png"]
    monkeypatch.setattr(pictures.embedded_image, "embed", lambda path, **titles: path.name)
    assert pictures.load_pictures(littered, {}) == {"a": "a.png"}
    monkeypatch.setitem(check.PATHS, "any", "")
    assert check.size(littered, "any") == 4
    (littered / "data/validation_scores").mkdir(parents=True)
    (littered / "data/validation_scores/.tmp-a.json").write_text('{"val":')
    assert checkout.available_models(littered) == []


def test_leftovers_are_removed_and_nothing_else(littered):
    remove_leftovers([littered, littered / "missing"])
    left = sorted(path.relative_to(littered).as_posix() for path in littered.rglob("*"))
    assert left == [".DS_Store", ".b.json", "deep", "deep/a.png"]


def test_folders_are_listed_by_the_one_function_that_leaves_out_dotfiles():
    listing = set()
    for file in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = {"glob", "rglob", "iglob", "iterdir", "scandir", "listdir", "walk"}
            if isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) != "ast":
                listing.add(file.relative_to(ROOT).as_posix())
    assert listing == LISTING.keys()
