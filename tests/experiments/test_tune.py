"""`make tune` in this process: experiments are remembered, and a study goes on as it began."""

import io
import json
import logging
import shutil
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import optuna
import pytest
import yaml
from optuna.trial import TrialState
from ruamel.yaml import YAML

from scenes import experiments
from scenes.common.errors import InputError
from scenes.experiments import repository, runs, search, tuning
from scenes.experiments.settings import applied
from tests.code_facts import ROOT
from tests.helpers import git
from tests.helpers.command import run_module

NAME = "baseline"
OTHER = "exists with other parameters"
HEAD = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Memory:
    """The experiments of a project in the working folder.

    Attributes:
        train: from (params, name of a model, watch) to its headlines and its epochs' crossentropies; it
            calls watch with each epoch, and stops where that says so.
        files: of each experiment, by its name.
        started: the names of all that were run, also of those ended early.
    """

    train: Callable
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)

    def run(self, name: str, target: str, settings: list[str], watch: Callable = lambda line: True) -> bool:
        self.started.append(name)
        params, model, wanted = applied(list(settings)), target.removeprefix("evaluate@"), True

        def epoch(number: int, crossentropy: float) -> bool:
            nonlocal wanted
            line = f"epoch {number}/9  accuracy 0.5 (val 0.5)  crossentropy 1 (val 9)  calibrated {crossentropy:.4f}"
            wanted = wanted and watch(line)
            return wanted

        headlines, epochs = self.train(params, model, epoch)
        if not wanted:
            return False
        rows = [f"{number}\t{value}" for number, value in enumerate(epochs, 1)]
        text = io.StringIO()
        YAML(typ="safe").dump(params, text)
        self.files[name] = {
            "params.yaml": text.getvalue(),
            f"metrics/{model}.json": json.dumps(headlines),
            f"plots/{model}/training/curves.tsv": "\n".join(["epoch\tval_calibrated_crossentropy", *rows]),
        }
        return True

    def read(self, commit: str, path: str) -> str:
        return self.files[commit.removeprefix("commit of ")][path]

    def revisions(self) -> dict[str, tuple[str, str]]:
        return {name: (f"commit of {name}", HEAD) for name in self.files}


def remember(patch, train: Callable) -> Memory:
    """Let ``scenes.experiments.runs`` use a new memory, as long as ``patch`` lasts, and return it."""
    memory = Memory(train)
    for name in ("run", "read", "revisions"):
        patch.setattr(runs, name, getattr(memory, name))
    patch.setattr(repository, "head", lambda: HEAD)
    patch.setattr(repository, "check", lambda: None)
    return memory


def train(params: dict, name: str, watch) -> tuple[dict, list[float]]:
    """Say something that depends on the settings alone."""
    model, epochs = params["models"][name], []
    value = model["training"]["learning_rate"] + model["network"]["dropout"]
    for epoch in range(1, model["training"]["epochs"] + 1):
        epochs.append(round(value + 1 / epoch, 4))
        if not watch(epoch, epochs[-1]):
            break
    return {"val_accuracy": 0.5, "val_crossentropy": value}, epochs


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with parameters and a search that is random; experiments are remembered."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "scenes/experiments").mkdir(parents=True)
    searches = yaml.safe_load((ROOT / "scenes/experiments/tune.yaml").read_text())
    kept = (f"models.{NAME}.network.dropout", f"models.{NAME}.training.learning_rate")
    searches[NAME].update(random=1000, space={key: searches[NAME]["space"][key] for key in kept})
    (tmp_path / "scenes/experiments/tune.yaml").write_text(yaml.safe_dump(searches))
    monkeypatch.setattr(tuning, "code", lambda name: "hash")
    memory = remember(monkeypatch, train)
    return SimpleNamespace(memory=memory, params=yaml.safe_load((ROOT / "params.yaml").read_text()))


def tune(*, trials, storage="journal:tune.log", settings=(), worker=0):
    tuning.tune(NAME, settings=list(settings), storage=storage, study=None, trials=trials, jobs=1, worker=worker)
    return study(f"demo-{NAME}", storage)


def study(title, storage="journal:tune.log"):
    backend = optuna.storages.journal.JournalFileBackend(storage.removeprefix("journal:"))
    return optuna.load_study(study_name=title, storage=optuna.storages.JournalStorage(backend)).trials


@contextmanager
def logged():
    """What Optuna logs meanwhile."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("optuna").addHandler(handler)
    try:
        yield log
    finally:
        logging.getLogger("optuna").removeHandler(handler)


def test_a_search_goes_on_and_names_its_best_experiments(project, capsys):
    tune(trials=0)  # only makes the study
    (before,) = tune(trials=1, worker=1)
    assert capsys.readouterr().out == ""  # another worker leaves the summary to the first
    after = tune(trials=3)
    assert [trial.state for trial in after] == [TrialState.COMPLETE] * 3
    assert (after[0].value, after[0].datetime_complete) == (before.value, before.datetime_complete)
    assert len({tuple(trial.user_attrs["settings"]) for trial in after}) == 3
    first = project.params["models"][NAME]  # what is to be beaten
    assert after[0].value == pytest.approx(first["training"]["learning_rate"] + first["network"]["dropout"])
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith(f"demo-{NAME}: 3 trials, 3 completed, 0 pruned; val_crossentropy:")
    expected = [
        f"  {trial.value:.4f}  tune-demo-{NAME}-{trial.number}  {' '.join(trial.user_attrs['settings'])}"
        for trial in sorted(after, key=lambda trial: trial.value)
    ]
    assert lines == expected


def test_every_trial_is_an_experiment_of_its_score(project):
    trials = tune(trials=2)
    assert project.memory.started == [f"tune-demo-{NAME}-{number}" for number in range(2)]
    for trial, name in zip(trials, project.memory.started, strict=True):
        headlines = json.loads(project.memory.files[name][f"metrics/{NAME}.json"])
        assert trial.value == headlines["val_crossentropy"]
        assert trial.user_attrs["val_accuracy"] == headlines["val_accuracy"]
        assert sorted(trial.intermediate_values) == list(range(1, len(trial.intermediate_values) + 1))


def test_a_study_begun_anew_takes_the_experiments_that_are_there(project, capsys):
    (first,) = tune(trials=1)
    (again,) = tune(trials=1, storage="journal:anew.log")
    assert project.memory.started == [f"tune-demo-{NAME}-0"]
    assert f"tune-demo-{NAME}-0: exists already" in capsys.readouterr().out.splitlines()
    assert (again.value, again.user_attrs) == (first.value, first.user_attrs)
    assert again.intermediate_values == pytest.approx(first.intermediate_values, abs=1e-4)


def test_other_parameters_are_refused_before_any_training(project):
    tune(trials=1)
    given = [f"models.{NAME}.training.epochs=2"]
    expected = (
        rf"the experiment tune-demo-{NAME}-0 {OTHER} \(see `dvc params diff tune-demo-{NAME}-0`\); "
        rf"remove it with `dvc exp remove tune-demo-{NAME}-0`, or start a new study with --study"
    )
    with pytest.raises(InputError, match=expected):
        tune(trials=1, storage="journal:other.log", settings=given)
    assert study(f"demo-{NAME}", "journal:other.log") == []
    assert len(project.memory.started) == 1
    # So the study takes other settings yet.
    tune(trials=0, storage="journal:other.log")


def test_an_experiment_found_in_the_way_later_ends_the_search(project):
    """The space does not hold this dropout, so what is tried first is not known before the study proposes it."""
    tune(trials=1)
    with logged() as log, pytest.raises(InputError, match=OTHER):
        tune(trials=1, storage="journal:later.log", settings=[f"models.{NAME}.network.dropout=0.6"])
    assert OTHER in log.getvalue()
    assert "Traceback" not in log.getvalue()
    assert [trial.state for trial in study(f"demo-{NAME}", "journal:later.log")] == [TrialState.FAIL]
    assert len(project.memory.started) == 1
    # It does not count as one of the trials.
    again = tune(trials=1, storage="journal:later.log", settings=[f"models.{NAME}.network.dropout=0.6"])
    assert [trial.state for trial in again] == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_study_holds_on_to_the_settings_that_it_was_given(project):
    tune(trials=1, settings=[f"models.{NAME}.training.epochs=2"])
    with pytest.raises(InputError, match="its scores are not comparable"):
        tune(trials=2)


def test_an_experiment_that_is_not_worth_it_is_pruned(project):
    trial = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.0)).ask()
    wanted = SimpleNamespace(settings=lambda trial: [])
    evaluate = tuning.evaluator(NAME, project.params, [], "e")
    with pytest.raises(optuna.TrialPruned, match="e-0 was ended early"):
        tuning.objective(trial, wanted, evaluate)
    assert (project.memory.started, project.memory.files) == (["e-0"], {})


def test_a_trial_that_was_given_to_another_worker_ends_in_one_sentence(tmp_path):
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/study")

    def objective(trial):
        optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/study").set_trial_state_values(
            trial._trial_id, TrialState.FAIL
        )
        trial.set_user_attr("settings", [])

    with pytest.raises(InputError, match="its trial was given to another"), tuning.lost_study_explained():
        study.optimize(objective, n_trials=1)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://me:se/cret@host/x",
        *(f"postgresql://host/x?user=me&{name}=secret" for name in ("PASSWORD", "passwd", "sslpassword", "pwd")),
        *(f"snowflake://host/x?{name}=secret" for name in ("passcode", "token", "access_token")),
        *(f"postgresql://host/x?{name}%3dsecret" for name in ("p%61ssword", "oauth_client_secret", "scram_client_key")),
        "postgresql:///?dbname=host%3Dh+password+%3D+secret",
    ],
)
def test_a_password_on_the_command_line_is_refused(address, project, tmp_path):
    done = run_module("scenes", "tune", "--storage", address, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: --storage contains a password") and "cret" not in done.stderr


@pytest.mark.parametrize(
    ("given", "variable", "origin"),
    [
        (["--storage", "nothing://x"], "nothing://y", "--storage"),
        ([], "nothing://y", "TUNE_STORAGE"),
        ([], "", "sqlite:///tune.db"),
        ([], None, "sqlite:///tune.db"),
    ],
)
def test_the_storage_that_cannot_be_opened_is_named_as_it_was_given(
    given, variable, origin, project, tmp_path, monkeypatch
):
    (tmp_path / "tune.db").write_text("no database" * 100)
    monkeypatch.delenv("TUNE_STORAGE", raising=False)
    if variable is not None:
        monkeypatch.setenv("TUNE_STORAGE", variable)
    done = run_module("scenes", "tune", *given, "--trials", "0", folder=tmp_path)
    assert done.stderr.startswith(f"error: {origin}: the study's storage cannot be opened (")


@pytest.mark.parametrize("storage", ["sqlite://", "sqlite:///:memory:"])
def test_a_study_in_memory_is_refused(storage):
    with pytest.raises(InputError, match="the study would be gone when the command ends"):
        search.open_study("s", storage, search.load(ROOT / tuning.FILE)[NAME], key="k", seed=0)


@pytest.mark.parametrize("study", ["", "a/b", "a b"])
def test_a_study_whose_experiments_could_not_have_its_name_is_refused(study, project, tmp_path):
    done = run_module("scenes", "tune", "--study", study, "--trials", "0", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: --study {study!r}: use letters")


def test_other_code_ends_a_search_and_a_remark_does_not(tmp_path, monkeypatch):
    for name in ("scenes", "stages", ".dvc"):
        ignored = shutil.ignore_patterns("__pycache__", "cache", "tmp", "config.local")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    git.init(tmp_path)
    monkeypatch.chdir(tmp_path)
    before, file = tuning.code(NAME), tmp_path / "scenes/training/cnn.py"
    text = file.read_text()
    file.write_text(text + "# a remark\n")
    assert tuning.code(NAME) == before
    file.write_text(text + "UNITS = 7\n")
    assert tuning.code(NAME) != before


def test_a_model_without_a_search_is_one_sentence(project, tmp_path):
    done = run_module("scenes", "tune", "resnet", folder=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "error: resnet has no search; scenes/experiments/tune.yaml has baseline\n",
    )


def test_of_a_linear_model_it_says_that_training_chooses_c(project, tmp_path):
    done = run_module("scenes", "tune", "transfer", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: transfer is a linear model, so there is nothing to search: its training tries each C in "
        "models.transfer.C and keeps the best on validation\n"
    )


def test_without_optuna_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    for name in ("search", "tuning"):
        monkeypatch.delitem(sys.modules, f"scenes.experiments.{name}")
        monkeypatch.delattr(experiments, name)
    done = run_module("scenes", "tune", folder=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: Optuna, which proposes the trials, is not installed; `make tune` installs it\n"
