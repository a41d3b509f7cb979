"""A fingerprint changes with whatever may change a training, and with nothing else."""

import os
import shutil
import subprocess
import sys

import pytest

from scenes.provenance import fingerprint as provenance_fingerprint
from scenes.provenance.fingerprint import fingerprint
from tests.code_facts import ROOT

SETTINGS = {"seed": 1, "training": {"epochs": 3, "learning_rate": 0.1}}


@pytest.fixture(autouse=True)
def no_devices(monkeypatch):
    """Asking TensorFlow for its GPUs takes seconds in a process that has not imported it."""
    monkeypatch.setattr(provenance_fingerprint, "_devices", list)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "a").write_bytes(b"one")
    (tmp_path / "data" / "deep" / "b").write_bytes(b"two")
    (tmp_path / "single").write_bytes(b"three")
    return tmp_path


def taken(inputs=("data", "single"), settings=SETTINGS):
    return fingerprint(inputs, settings)


def edit_bytes(folder):
    (folder / "data" / "deep" / "b").write_bytes(b"twO")


def edit_single(folder):
    (folder / "single").write_bytes(b"")


def rename(folder):
    (folder / "data" / "a").rename(folder / "data" / "c")


def add(folder):
    (folder / "data" / "empty").touch()


def remove(folder):
    (folder / "data" / "a").unlink()


def swap(folder):
    (folder / "data" / "a").write_bytes(b"two")
    (folder / "data" / "deep" / "b").write_bytes(b"one")


@pytest.mark.parametrize("change", [edit_bytes, edit_single, rename, add, remove, swap])
def test_it_changes_with_the_data(folder, change):
    before = taken()
    assert taken() == before
    assert len(before) == 64
    change(folder)
    assert taken() != before


@pytest.mark.parametrize(
    "other", [{}, {**SETTINGS, "seed": 2}, {**SETTINGS, "xla": False}, {**SETTINGS, "training": {"epochs": 3}}]
)
def test_it_changes_with_the_settings(folder, other):
    assert taken(settings=other) != taken()


@pytest.mark.parametrize("library", provenance_fingerprint.LIBRARIES)
def test_it_changes_with_a_library(folder, monkeypatch, library):
    before, installed = taken(), provenance_fingerprint.version
    monkeypatch.setattr(provenance_fingerprint, "version", lambda name: "0.0.1" if name == library else installed(name))
    assert taken() != before


def test_it_changes_with_the_gpu(folder, monkeypatch):
    before = taken()
    monkeypatch.setattr(provenance_fingerprint, "_devices", lambda: ["NVIDIA A100"])
    assert taken() != before


def test_dates_modes_and_the_order_of_keys_do_not_count(folder):
    before = taken()
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    (folder / "single").chmod(0o600)
    assert taken(settings=dict(reversed(SETTINGS.items()))) == before


CODE = """
import os, sys
from scenes import curves, fingerprint
fingerprint._devices = list
print(fingerprint.fingerprint(["data"], {"a": 1, "b": {"c", "d"} and 2}))
"""


def in_a_clone(folder, *, change=None, code=CODE, hash_seed="0"):
    """Take the fingerprint in a copy of the project that lies in ``folder``."""
    if not folder.exists():
        shutil.copytree(ROOT / "scenes", folder / "scenes", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "data").mkdir()
        for name in "abcdef":
            (folder / "data" / name).write_text(name)
    if change:
        file = folder / "scenes" / change
        file.write_text(file.read_text() + "# a comment\n")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_it_changes_with_the_code_that_is_loaded_and_not_with_the_clone(tmp_path):
    one = in_a_clone(tmp_path / "one")
    assert in_a_clone(tmp_path / "another" / "deeper", hash_seed="77") == one
    assert in_a_clone(tmp_path / "one", change="audit.py") == one  # not imported
    edited = in_a_clone(tmp_path / "one", change="curves.py")
    assert edited != one
    assert in_a_clone(tmp_path / "one", change="fingerprint.py") not in (one, edited)


def test_a_module_imported_besides_counts(tmp_path):
    more = CODE.replace("curves, ", "curves, errors, ")
    assert in_a_clone(tmp_path / "one", code=more) != in_a_clone(tmp_path / "one")
