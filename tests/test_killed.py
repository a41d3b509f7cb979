"""Trainings and `dvc` itself killed with SIGKILL: `dvc repro` goes on and ends in the bytes of an uninterrupted run."""

import re
import shutil

import pytest
import yaml

from tests.helpers.killed import Run

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]
TUNING = "finetune@finetuned"


def forced(folder, stage):
    """Start a stage again; without the run cache, which would bring the result of the uninterrupted run."""
    return Run(folder, "dvc", "repro", "--single-item", "--force", "--no-run-cache", stage)


def outs(folder, stage):
    return yaml.safe_load((folder / "dvc.lock").read_text())["stages"][stage]["outs"]


@pytest.fixture(scope="module")
def workspace(pipeline, tmp_path_factory):
    """A clone in which both trainings last long enough to be killed in the middle."""
    folder = tmp_path_factory.mktemp("killed") / "clone"
    shutil.copytree(pipeline.one, folder, symlinks=True)
    file = folder / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["models"]["baseline"]["training"]["epochs"] = 40
    for profile in params["profiles"].values():
        profile["features"]["finetuned"]["finetune"]["epochs"] = 12
    file.write_text(yaml.safe_dump(params, sort_keys=False))
    return folder


def states(folder, name):
    found = (folder / ".resume" / name).glob("*.npz")
    return [path for path in found if not path.name.startswith(".tmp-")]  # left by a kill in the middle of writing


def test_the_baseline_and_its_dvc_are_killed(workspace):
    forced(workspace, "train@baseline").end(0)
    uninterrupted = outs(workspace, "train@baseline")
    assert not states(workspace, "train@baseline")

    # In the middle, the training alone.
    run = forced(workspace, "train@baseline")
    run.wait_for(r"epoch  7/40")
    assert "resuming" not in run.text()
    run.stage().kill()
    run.end(255)
    assert not (workspace / "models/baseline").exists()
    assert len(states(workspace, "train@baseline")) == 1

    # In the middle, dvc alone. The next run starts at once, while the orphan may still be there.
    run = forced(workspace, "train@baseline")
    run.wait_for(r"resuming after epoch \d+")
    already = int(re.search(r"resuming after epoch (\d+)", run.text())[1])
    assert 6 <= already < 35
    run.wait_for(rf"epoch +{already + 3}/40")
    orphan = run.stage()
    run.process.kill()
    last = forced(workspace, "train@baseline")
    run.process.wait()
    last.end(0)
    assert not orphan.is_running()
    assert int(re.search(r"resuming after epoch (\d+)", last.text())[1]) >= already + 2
    assert outs(workspace, "train@baseline") == uninterrupted
    assert not states(workspace, "train@baseline")


def test_fine_tuning_killed_after_an_epoch(workspace):
    forced(workspace, TUNING).end(0)
    uninterrupted = outs(workspace, TUNING)
    run = forced(workspace, TUNING)
    run.wait_until(lambda: states(workspace, TUNING))
    run.stage().kill()
    run.end(255)
    last = forced(workspace, TUNING)
    last.end(0)
    assert 1 <= int(re.search(r"resuming after epoch (\d+) of 12", last.text())[1]) < 12
    assert outs(workspace, TUNING) == uninterrupted
