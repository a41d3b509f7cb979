"""Two clones with one study in PostgreSQL, and one worker killed; each trial trains a tiny linear model."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

import optuna
import pytest
import yaml
from optuna.trial import TrialState

from scenes.commands import verify
from scenes.common.errors import InputError
from scenes.experiments import search, tuning
from tests.code_facts import ROOT
from tests.helpers import git, postgresql
from tests.helpers.servers import PASSWORD

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]
NAME = "baseline"
STUDY = f"demo-{NAME}"
RATE = f"models.{NAME}.training.learning_rate"
# Signs of life each second, so that nobody waits minutes for a killed worker.
WORKER = """
import sys
from scenes.commands.main import main
from scenes.experiments import search
search.HEARTBEAT = 1
raise SystemExit(main(["tune", *sys.argv[1:]]))
"""
TRAIN = """
import json, sys, time
import numpy as np, yaml

rate = yaml.safe_load(open("params.yaml"))["models"]["baseline"]["training"]["learning_rate"]
x = np.random.default_rng(0).normal(size=(200, 3))
y = x @ [1, -2, 0.5] > 0
weights = np.zeros(3)
for epoch in (1, 2):
    weights += 10 * rate * x.T @ (y - 1 / (1 + np.exp(-x @ weights))) / len(y)
    loss = np.log1p(np.exp(-np.where(y, 1, -1) * (x @ weights))).mean()
    print(f"epoch {epoch}/2  calibrated {loss:.4f}", flush=True)
    time.sleep(0.5)
json.dump({"val_accuracy": 1.0, "val_crossentropy": loss}, open("metrics/baseline.json", "w"))
"""
STAGES = {
    "evaluate": {
        "matrix": {"name": [NAME]},
        "cmd": "python train.py",
        "deps": ["train.py"],
        "params": [f"models.{NAME}"],
        "metrics": [{"metrics/${item.name}.json": {"cache": False}}],
    }
}


@pytest.fixture(scope="module")
def server():
    with postgresql.running() as server:
        yield server


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    """Two clones of a repository with this project's code and parameters, and one stage; the search is random."""
    source = tmp_path_factory.mktemp("search") / "source"
    ignored = shutil.ignore_patterns("__pycache__", "cache", "tmp", "config.local")
    for name in ("scenes", "stages", ".dvc"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("params.yaml", ".gitignore"):
        shutil.copy(ROOT / name, source)
    (source / "train.py").write_text(TRAIN)
    (source / "metrics").mkdir()
    (source / "metrics/README.md").touch()
    (source / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    file = source / tuning.FILE
    space = {RATE: yaml.safe_load(file.read_text())[NAME]["space"][RATE]}
    file.write_text(yaml.safe_dump({NAME: {"trials": 1, "random": 1000, "prune_after": 0, "space": space}}))
    git.init(source)
    git.commit(source)
    return [git.clone(source, source.parent / name) for name in ("one", "two")]


@contextmanager
def worker(folder, number, trials, **environment):
    """Start a worker, in a session of its own: a training goes on for a while when its worker is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, NAME, "--trials", str(trials), "--worker", str(number)],
        cwd=folder,
        env=verify.environment(PYTHONUNBUFFERED="1", **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # all have ended
                os.killpg(process.pid, signal.SIGKILL)


def test_the_trial_of_a_killed_worker_is_run_by_the_other(server, clones, tmp_path):
    one, two = clones
    passwords = tmp_path / "passwords"
    passwords.write_text(f"127.0.0.1:*:*:ann:{PASSWORD}\n")
    passwords.chmod(0o600)
    with worker(one, 0, 0, TUNE_STORAGE=server.address, PGPASSWORD=PASSWORD) as maker:
        out, _ = maker.communicate()
    assert maker.returncode == 0, out
    with worker(one, 1, 3, TUNE_STORAGE=server.secret) as killed:
        out += killed.stdout.readline()  # it is ahead, so the other has trials left to run when it is killed
        with worker(two, 2, 3, TUNE_STORAGE=server.address, PGPASSFILE=str(passwords)) as other:
            for line in killed.stdout:
                out += line
                if ": epoch 1/2" in line:
                    killed.kill()
                    break
            number = int(line.partition(":")[0].rpartition("-")[2])
            rest, _ = other.communicate(timeout=200)
    assert other.returncode == 0, rest
    assert PASSWORD not in out + rest

    trials = optuna.load_study(study_name=STUDY, storage=server.secret).trials
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    failed = [trial for trial in trials if trial.state == TrialState.FAIL]
    assert (len(complete), len(failed), len(trials)) == (3, 1, 4)
    assert [trial.number for trial in failed] == [number]
    assert len({tuple(trial.params.items()) for trial in complete}) == 3
    (again,) = (trial for trial in complete if trial.params == failed[0].params)
    assert again.system_attrs["retry_history"] == [number]
    listed = subprocess.run(
        ["dvc", "exp", "list", "--name-only"], cwd=two, env=verify.environment(), capture_output=True, text=True
    )
    assert set(listed.stdout.split()) == {f"tune-{STUDY}-{trial.number}" for trial in complete}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # of Optuna's signs of life
def test_a_wrong_password_and_a_server_that_ends_are_one_sentence(server):
    """The last test: the server is gone then."""
    wanted = search.Search(trials=1, random=1, prune_after=0, space={RATE: search.Range(low=0.001, high=0.1)})
    with pytest.raises(InputError) as caught:
        search.open_study("s", server.secret.replace(PASSWORD, "wrong"), wanted, key="k", seed=0)
    assert str(caught.value).startswith("the study's storage cannot be opened (OperationalError); check the address")
    study = search.open_study("s", server.secret, wanted, key="k", seed=0)

    def objective(trial):
        server.process.send_signal(signal.SIGINT)
        server.process.wait(20)
        return float(wanted.settings(trial)[0].partition("=")[2])

    with pytest.raises(InputError, match="storage was lost during a trial") as caught, tuning.lost_study_explained():
        study.optimize(objective, n_trials=1)
    assert PASSWORD not in str(caught.value)
