"""What tests share: TensorFlow as the stages set it up, and a pipeline that has run, on a tiny profile."""

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from filelock import FileLock
from hypothesis import settings

from scenes.commands import verify
from tests.helpers import clones

FIXTURES = ("loopback", "planted", "production_folder", "stage")
pytest_plugins = [f"tests.helpers.{name}" for name in FIXTURES]

# How long an example takes says more of the machine, which may be shared, than of the code.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


# These begin, as they take longest: the first makes the pipeline, the next two need none, and the last waits for it.
BEGIN = tuple(f"tests/test_{name}.py" for name in ("changes", "own", "jax", "day"))


def pytest_collection_modifyitems(items):
    """Put the files in BEGIN first, then those with processes, of these the tests of the whole project: longest first.

    A worker runs a whole file, so a long one at the end would keep the others waiting.
    """
    begin = {name: place for place, name in enumerate(BEGIN)}
    with_processes = {item.path for item in items if item.get_closest_marker("process")}
    items.sort(
        key=lambda item: (
            begin.get(item.nodeid.partition("::")[0], 9),
            item.path not in with_processes,
            len(item.path.parts),
        )
    )


def shrink(params: dict) -> dict:
    """Make the demo as small as it can be and still fill every class, plant every fault and train every model."""
    demo = params["profiles"]["demo"]
    demo.update(image_size=48)
    for features in demo["features"].values():
        features.update(enabled=True, image_size=48, weights="random")
    demo["features"]["finetuned"]["finetune"].update(epochs=2, blocks=1)
    demo["synthetic"].update(train=150, test=60, pred=12, size=48)
    baseline = params["models"]["baseline"]
    baseline["network"]["filters"] = [8, 16]
    baseline["training"].update(epochs=3)
    params["records"]["shard_size"] = 40
    return params


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory):
    """``one``: the folder of a clone in which ``dvc repro`` has run; treat it as read-only.

    It is made once, also where several workers run the tests: the first that wants it makes it, and the others
    wait (https://pytest-xdist.readthedocs.io/en/stable/how-to.html#making-session-scoped-fixtures-execute-only-once).
    tests/test_day.py makes another one and compares.
    """
    base = tmp_path_factory.getbasetemp()
    parent = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "clones"
    parent.mkdir(exist_ok=True)
    folder = parent / "one"
    with FileLock(parent / "lock"):
        if not (parent / "made").exists():
            make(folder)
            (parent / "made").touch()
    return SimpleNamespace(one=folder)


def make(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # of another worker, which failed
    clones.clone(folder)
    file = folder / "params.yaml"
    file.write_text(yaml.safe_dump(shrink(yaml.safe_load(file.read_text())), sort_keys=False))
    (folder / "dvc.lock").unlink(missing_ok=True)
    verify.finish(verify.reproduce(folder, **verify.ENVIRONMENTS[0]), folder, timeout=800)


@pytest.fixture(scope="session")
def deterministic():
    """TensorFlow configured once, before any test runs an op."""
    from scenes.process.runtime import configure

    assert "tensorflow" not in sys.modules or not _has_run()
    configure(seed=0, threads=2)


def _has_run() -> bool:
    from tensorflow.python.eager import context

    return context.context()._initialized
