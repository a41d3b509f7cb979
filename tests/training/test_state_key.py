"""The key changes with whatever may change a training, and with nothing else."""

import os
from importlib.metadata import packages_distributions

import pytest

from scenes.dataset.batch_shares import Devices
from scenes.training import state_key
from tests.code_facts import packages

SETTINGS = {"seed": 1, "training": {"epochs": 3, "learning_rate": 0.1}}


@pytest.fixture(autouse=True)
def no_devices(monkeypatch):
    """Asking TensorFlow for its GPUs takes seconds in a process that has not imported it."""
    monkeypatch.setattr(state_key, "gpu_names", list)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "a").write_bytes(b"one")
    (tmp_path / "data" / "deep" / "b").write_bytes(b"two")
    (tmp_path / "single").write_bytes(b"three")
    return tmp_path


def taken(inputs=("data", "single"), settings=SETTINGS, code="0" * 64):
    return state_key.state_key(inputs, settings, code)


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


def test_it_changes_with_the_code(folder):
    assert taken(code="1" * 64) != taken()


@pytest.mark.parametrize("library", state_key.LIBRARIES)
def test_it_changes_with_a_library(folder, monkeypatch, library):
    before, installed = taken(), state_key.version
    monkeypatch.setattr(state_key, "version", lambda name: "0.0.1" if name == library else installed(name))
    assert taken() != before


def test_it_changes_with_the_gpu(folder, monkeypatch):
    before = taken()
    monkeypatch.setattr(state_key, "gpu_names", lambda: ["NVIDIA A100"])
    assert taken() != before


def test_it_changes_with_the_backend_and_its_version(folder, monkeypatch):
    with_tensorflow = taken()
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    before, installed = taken(), state_key.version
    assert before != with_tensorflow
    monkeypatch.setattr(state_key, "version", lambda name: "0.0.1" if name == "jax" else installed(name))
    assert taken() != before


def test_it_changes_with_the_number_of_devices_and_is_the_same_in_all_their_processes(folder):
    keys = {
        state_key.state_key([], {}, "", Devices(count, processes))
        for count, processes in ((1, 1), (4, 1), (4, 2), (4, 4), (8, 4))
    }
    assert len(keys) == 5
    assert state_key.state_key([], {}, "", Devices(4, 2, 1)) in keys


def test_dates_modes_and_the_order_of_keys_do_not_count(folder):
    before = taken()
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    (folder / "single").chmod(0o600)
    assert taken(settings=dict(reversed(SETTINGS.items()))) == before


# Libraries that change no result: they read params and dvc.lock, spread work over processes, draw bars, write curves,
# find the process of DVC and damaged objects in its cache, or decode HEIC files for the records.
IDLE = {
    "PyYAML",
    "dvc",
    "pandas",
    "pi-heif",
    "psutil",
    "ray",
    "ruamel.yaml",
    "ruamel.yaml.clib",
    "threadpoolctl",
    "tqdm",
}


@pytest.mark.parametrize("stage", ["finetune", "train_cnn"])
def test_each_library_that_a_training_depends_on_is_named(stage):
    """Whoever imports another one decides whether a training depends on it."""
    distributions = packages_distributions()
    imported = {name for package in packages(f"stages.{stage}") for name in distributions.get(package, ())}
    assert {"keras", "numpy"} <= imported
    assert imported - IDLE <= {*state_key.LIBRARIES, "jax"}, "the backend counts where it is used"
