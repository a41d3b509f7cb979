"""A search, each trial an experiment: killed with SIGKILL, taken up by two workers at once, begun anew."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import optuna
import pytest
import yaml
from optuna.trial import TrialState

from scenes.commands import verify
from scenes.config.params import parse_yaml
from scenes.experiments.search import value_at

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NAME = "baseline"
GIVEN = ["-S", f"models.{NAME}.training.epochs=2"]  # one less than there are, so that no trial's model is there already
EXPERIMENT = f"tune-demo-{NAME}"


def started(folder, *arguments):
    """Start the search in ``folder``; its study is where it is by default, in tune.db."""
    return subprocess.Popen(
        [sys.executable, "-m", "scenes", "tune", NAME, *arguments],
        cwd=folder,
        env=verify.environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder, *arguments):
    with started(folder, *arguments) as process:
        out, err = process.communicate(timeout=600)
    return SimpleNamespace(status=process.returncode, out=out, err=err)


def trials(folder, database="tune.db"):
    return optuna.load_study(study_name=f"demo-{NAME}", storage=f"sqlite:///{folder}/{database}").trials


def experiments(folder) -> set[str]:
    listed = subprocess.run(
        ["dvc", "exp", "list", "--name-only"], cwd=folder, env=verify.environment(), capture_output=True, text=True
    )
    return set(listed.stdout.split())


def file_of(folder, experiment, path) -> str:
    (ref,) = (folder / ".git/refs/exps").glob(f"*/*/{experiment}")
    shown = ["git", "show", f"{ref.read_text().strip()}:{path}"]
    return subprocess.run(shown, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def workspace(pipeline, tmp_path_factory):
    """A clone whose search is random and never prunes; it was killed in its second trial; two workers went on."""
    folder = tmp_path_factory.mktemp("tune") / "clone"
    shutil.copytree(pipeline.one, folder, symlinks=True)
    file = folder / "scenes/experiments/tune.yaml"
    searches = yaml.safe_load(file.read_text())
    searches[NAME].update(random=1000)
    file.write_text(yaml.safe_dump(searches))
    with started(folder, "--trials", "2", *GIVEN) as process:
        for line in process.stdout:
            if line.startswith(f"{EXPERIMENT}-1: epoch 1/2"):
                process.kill()
                break
        else:
            raise AssertionError(process.stderr.read()[-3000:])
    arguments = f"ARGS={NAME} --trials 2 --jobs 2 {' '.join(GIVEN)}"
    # As a person goes on. The environment is made by whoever runs the tests.
    done = subprocess.run(
        ["make", "--old-file", ".venv/installed-dev", "tune", arguments],
        cwd=folder,
        env=verify.environment(),
        capture_output=True,
        text=True,
        timeout=700,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"  {EXPERIMENT}-0  " in done.stdout  # among the best
    return folder


def test_each_trial_of_the_killed_search_is_an_experiment(workspace):
    first, killed, *others = trials(workspace)
    assert first.state == TrialState.COMPLETE
    assert killed.state == TrialState.RUNNING  # its last sign of life is not old enough
    assert [trial.state for trial in others] in ([TrialState.COMPLETE], [TrialState.COMPLETE] * 2)  # one a worker
    complete = [first, *others]
    assert experiments(workspace) == {f"{EXPERIMENT}-{trial.number}" for trial in complete}
    assert len({tuple(trial.user_attrs["settings"]) for trial in complete}) == len(complete)
    for trial in complete:
        experiment = f"{EXPERIMENT}-{trial.number}"
        headlines = json.loads(file_of(workspace, experiment, f"metrics/{NAME}.json"))
        assert trial.value == headlines["val_crossentropy"]
        assert trial.user_attrs["val_accuracy"] == headlines["val_accuracy"]
        assert sorted(trial.intermediate_values) == [1, 2]
        params = parse_yaml(file_of(workspace, experiment, "params.yaml"))
        for setting in (GIVEN[1], *trial.user_attrs["settings"]):
            key, value = setting.split("=")
            assert value_at(params, key) == yaml.safe_load(value)


def test_a_study_begun_anew_takes_the_experiments_that_are_there(workspace):
    done = run(workspace, "--trials", "1", "--storage", "sqlite:///anew.db", *GIVEN)
    assert done.status == 0, done.err
    assert f"{EXPERIMENT}-0: exists already" in done.out.splitlines()
    assert "Reproducing experiment" not in done.out
    first, (again,) = trials(workspace)[0], trials(workspace, "anew.db")
    assert (again.value, again.user_attrs) == (first.value, first.user_attrs)
    assert again.intermediate_values == pytest.approx(first.intermediate_values, abs=1e-4)


def test_experiments_of_other_parameters_are_refused(workspace):
    refused = run(workspace, "--trials", "1", "--storage", "sqlite:///other.db")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.splitlines()[-1] == (
        f"error: the experiment {EXPERIMENT}-0 exists with other parameters (see `dvc params diff {EXPERIMENT}-0`); "
        f"remove it with `dvc exp remove {EXPERIMENT}-0`, or start a new study with --study"
    )
    assert "Traceback" not in refused.err
    assert trials(workspace, "other.db") == []
    # So the study takes other settings yet.
    assert run(workspace, "--trials", "0", "--storage", "sqlite:///other.db", *GIVEN).status == 0
