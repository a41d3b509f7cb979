"""A small model in the folder that a person has, and in a checkout around it."""

import shutil
from pathlib import Path

import pytest

from tests.code_facts import ROOT
from tests.helpers import production_folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, deterministic) -> Path:
    """See ``tests.helpers.production_folder``."""
    return production_folder.save(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def checkout_folder(tmp_path_factory, model_folder) -> Path:
    """A checkout as far as the command looks: the parameters as committed, and the model above in production."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "scenes").mkdir()
    shutil.copytree(model_folder, folder / "models/production")
    return folder
