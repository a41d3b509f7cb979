"""tune.yaml against params.yaml, and the study: comparable scores only, no proposal twice, no password shown."""

import copy

import numpy as np
import optuna
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.experiments import search
from scenes.experiments.search import Choices, Range, Search
from scenes.experiments.settings import applied
from tests.code_facts import ROOT

SEARCHES = search.load(ROOT / "scenes/experiments/tune.yaml")
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
TINY = Search(
    trials=9,
    random=4,
    prune_after=1,
    space={
        "models.baseline.training.learning_rate": Range(low=0.001, high=0.1, log=True),
        "models.baseline.training.batch_size": Choices(choices=[16, 32]),
    },
)
pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage")  # only `optimize` gives signs of life
# What is not computed here stays out of the way.
optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.mark.parametrize("name", SEARCHES)
def test_the_schema_accepts_every_end_and_what_is_now_is_between(name):
    wanted = SEARCHES[name]
    for ends in wanted.ends():
        assert [setting.split("=")[0] for setting in ends] == list(wanted.space)
        applied(ends, ROOT / "params.yaml")
    assert wanted.current(PARAMS) is not None
    assert all(key.startswith(f"models.{name}.") for key in wanted.space)


def test_every_end_and_every_choice_is_checked():
    values = {"a": Range(low=1, high=2), "b": Choices(choices=["x", "y", "z"]), "c": Range(low=0.5, high=2.0)}
    wanted = TINY.model_copy(update={"space": values})
    assert wanted.ends() == [["a=1", "b=x", "c=0.5"], ["a=2", "b=y", "c=2.0"], ["a=2", "b=z", "c=2.0"]]


def test_every_range_says_why():
    lines = (ROOT / "scenes/experiments/tune.yaml").read_text().splitlines()
    ranges = [line for line in lines if line.startswith("    models.")]
    assert len(ranges) == sum(len(wanted.space) for wanted in SEARCHES.values())
    assert all("  # " in line for line in ranges)


@given(low=st.floats(1e-7, 1.0), factor=st.floats(1.01, 1e4), log=st.booleans(), seed=st.integers(0, 2**31))
def test_a_number_proposed_is_read_back_to_three_digits(low, factor, log, seed):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    trial = study.ask()
    text = Range(low=low, high=low * factor, log=log).suggest(trial, "x")
    assert float(text) == pytest.approx(trial.params["x"], rel=0.0051)
    assert "e" not in text


@pytest.mark.parametrize(
    "space",
    ["{low: 2, high: 1}", "{low: 0.0, high: 1.0, log: true}", "{choices: [1]}", "{low: 1}", "{low: 1, high: 2, x: 3}"],
)
def test_a_space_that_is_none_is_one_sentence(space, tmp_path):
    file = tmp_path / "tune.yaml"
    head = "baseline: {trials: 1, random: 1, prune_after: 0, space: "
    file.write_text(head + "{a.b: " + space + "}}\n")
    with pytest.raises(InputError, match=r"tune.yaml: `baseline.space.a.b"):
        search.load(file)


def test_the_key_is_of_all_that_the_search_does_not_vary():
    def key_of(key="seed", value=42, code="c"):
        params = copy.deepcopy(PARAMS)
        *parents, last = key.split(".")
        (search.value_at(params, ".".join(parents)) if parents else params)[last] = value
        return search.comparability_key("baseline", TINY, params, code)

    before = key_of()
    assert key_of("models.baseline.training.learning_rate", 0.5) == before
    assert key_of("models.transfer.C", [99]) == before
    assert key_of("models.baseline.training.epochs", 99) != before
    assert key_of("seed", 7) != before
    assert key_of(code="d") != before
    assert key_of("profiles.demo.cnn.epochs", 9) != before
    assert key_of("split.val_fraction", 0.3) != before
    assert key_of("augmentation.flip", False) != before


def opened(storage, worker=0, key="b", name="s"):
    return search.open_study(name, storage, TINY, key=key, seed=42, worker=worker)


def proposals(study, count):
    """Ask, and answer with something smooth."""
    found = []
    for _ in range(count):
        trial = study.ask()
        settings = TINY.settings(trial)
        study.tell(trial, float(np.log(trial.params["models.baseline.training.learning_rate"])) ** 2)
        found.append(tuple(settings))
    return found


@pytest.mark.parametrize("kind", ["sqlite:///", "journal:"])
def test_a_study_goes_on_and_proposes_nothing_twice(kind, tmp_path):
    storage = f"{kind}{tmp_path}/study"
    first = proposals(opened(storage), 4)
    later = proposals(opened(storage), 4)
    other = proposals(opened(storage, worker=1), 4)
    assert len({*first, *later, *other}) == 12
    assert len(opened(storage).trials) == 12
    assert proposals(opened(f"{kind}{tmp_path}/again"), 4) == first


def test_workers_that_begin_at_once_propose_other_things(tmp_path):
    storage = f"journal:{tmp_path}/study"
    workers = [opened(storage, worker) for worker in (0, 1, 2)]
    assert len({TINY.settings(study.ask())[0] for study in workers}) == 3


def test_a_study_with_another_key_is_refused(tmp_path):
    storage = f"sqlite:///{tmp_path}/study"
    opened(storage, key="of no trial")
    proposals(opened(storage), 1)
    with pytest.raises(InputError, match="its scores are not comparable"):
        opened(storage, key="of other parameters")
    opened(storage, key="of other parameters", name="another")


@pytest.mark.parametrize(
    "storage",
    [
        "postgresql://me:secret@127.0.0.1:1/x",
        "postgresql://me:my@127.0.0.1:secret/x",  # a password with an unquoted @ and :
        "nonsense",
        "sqlite:////nowhere/x",
        "journal:/nowhere/x",
    ],
)
def test_a_storage_out_of_reach_is_one_sentence_without_a_password(storage):
    with pytest.raises(InputError) as caught:
        opened(storage)
    assert "check the address" in str(caught.value)
    assert "secret" not in str(caught.value)
