"""What `pip install .` brings: the package `scenes` and its command, which run where there is no checkout."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from scenes.commands import verify
from tests.code_facts import ROOT
from tests.helpers import clones
from tests.helpers.pictures import encode, picture

pytestmark = pytest.mark.process
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def run(command: list, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=verify.environment(**environment), capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this tree, built from a copy of it and with no index."""
    folder = tmp_path_factory.mktemp("wheel")
    source = clones.clone(folder / "source")
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    run([*PIP, "wheel", *offline, "--wheel-dir", folder, source], folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder into which the wheel was installed; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    run([*PIP, "install", "--no-index", "--no-deps", "--target", folder, wheel], folder)
    return folder


def test_it_holds_the_package_with_its_data_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = {name for name in names if not name.startswith("scenes-")}
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "scenes"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert packages == {name for name in listed.stdout.split("\n") if name and (ROOT / name).is_file()}
    assert {name.partition("/")[2] for name in names - packages} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
        "top_level.txt",
    }


def test_the_command_runs_outside_a_checkout(installed, model_folder, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(encode(picture(1)))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    command = installed / "bin/scenes"
    assert run([command, "--version"], tmp_path, PYTHONPATH=str(installed)) == f"scenes {version}\n"
    assert "usage: scenes predict" in run([command, "predict", "--help"], tmp_path, PYTHONPATH=str(installed))
    answer = run([command, "predict", "--model", model_folder, "photo.jpg"], tmp_path, PYTHONPATH=str(installed))
    assert answer.startswith("photo.jpg: ")
    assert "; contains " in answer
    where = run([sys.executable, "-c", "import scenes; print(scenes.__file__)"], tmp_path, PYTHONPATH=str(installed))
    assert where == f"{installed}/scenes/__init__.py\n"
