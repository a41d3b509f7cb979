"""A stage's ``main`` in this process, as ``python -m stages.<name>`` calls it, in a folder of its own."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from scenes.common.errors import exit_on_input_error
from tests.code_facts import ROOT
from tests.helpers.pictures import pack, sound_files


@pytest.fixture
def run(capsys):
    """A function that runs a ``main`` and returns its exit status and what it printed."""

    def run_main(main: Callable, *arguments: str) -> SimpleNamespace:
        capsys.readouterr()
        status = 0
        try:
            with exit_on_input_error():
                main(*arguments)
        except SystemExit as ended:
            status = ended.code
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=status, stdout=printed.out, stderr=printed.err)

    return run_main


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The working folder: params.yaml, corrections/ and a small archive as the stage `download` leaves it."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "corrections", tmp_path / "corrections")
    (tmp_path / "data/raw").mkdir(parents=True)
    pack(tmp_path / "data/raw/archive.zip", sound_files())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def refusal(done: SimpleNamespace) -> str:
    """Return the sentence of a stage that failed, having checked that it is all that was printed to stderr."""
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("error: ").removesuffix("\n")
