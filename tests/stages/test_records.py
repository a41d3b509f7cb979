"""The stage `records`: another archive costs its own images only; after any history, the bytes are those of one run."""

import itertools
import json
import math
import re
import shutil
from fractions import Fraction
from typing import NamedTuple

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.common.archives import archive_name
from scenes.common.outputs import write_sums
from scenes.common.tables import write_csv, write_json
from scenes.dataset import record_job, record_writer, records
from scenes.executors import processes
from scenes.layout.layout import Archive
from stages import records as stage
from tests.code_facts import ROOT
from tests.helpers.pictures import jpeg, pack
from tests.helpers.ray_driver import LIMITS

FIRST = {f"{label}/{number}.jpg": jpeg(number) for number, label in enumerate(("lake", "moor") * 8)}
DELIVERIES = {
    "first": FIRST,
    "second": {f"{label}/{number}.jpg": jpeg(50 + number) for number, label in enumerate(("lake", "moor") * 3)},
    "changed": FIRST | {"lake/0.jpg": jpeg(99)},
    "another class": {f"{label}/{number}.jpg": jpeg(70 + number) for number, label in enumerate(("owl", "lake") * 2)},
}
SPLITS = ("train", "train", "train", "val", "test")


class State(NamedTuple):
    """What the records are made from."""

    archives: tuple[str, ...] = ("first",)
    image_size: int = 16
    dropped: bool = False


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_ALONE", math.inf)  # the workers do not count images
    monkeypatch.chdir(tmp_path)
    for name, files in DELIVERIES.items():
        pack(tmp_path / f"{name}.zip", files)
    return tmp_path


def arrange(project, state):
    """Put in place what the stages before it give."""
    params = yaml.load((ROOT / "params.yaml").read_text(), yaml.CSafeLoader)
    params["records"]["shard_size"] = 4
    params["profiles"][params["profile"]]["image_size"] = state.image_size
    (project / "params.yaml").write_text(yaml.dump(params, Dumper=yaml.CSafeDumper))
    raw = project / "data/raw"
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    for number, name in enumerate(state.archives, 1):
        shutil.copy(project / f"{name}.zip", raw / archive_name(number))
    write_sums(raw)
    with Archive.from_settings(raw, LIMITS) as archive:
        members = archive.members[state.dropped :]
    rows = [(each.path, SPLITS[record_writer.position(each.path, 1) % len(SPLITS)], each.label) for each in members]
    write_csv(project / "data/split.csv", pd.DataFrame(rows, columns=["path", "split", "label"]))
    write_json(project / "data/split.json", {})


def outputs(project):
    paths = [*(project / "data/records").iterdir(), *(project / "data/keys").iterdir(), project / stage.ORIGIN]
    return {path.name: path.read_bytes() for path in paths}


@pytest.fixture
def run(project, monkeypatch):
    """A function that runs the stage, and returns its outputs and the number of images that it recorded."""
    recorded = itertools.count()

    def counted(*arguments, **options):
        next(recorded)
        return record_writer.record_image(*arguments, **options)

    monkeypatch.setattr(record_job, "record_image", counted)

    def run_stage(state, *, fresh=False):
        arrange(project, state)
        if fresh:
            shutil.rmtree(project / "data/records", ignore_errors=True)
        before = next(recorded)
        stage.main()
        return outputs(project), next(recorded) - before - 1

    return run_stage


def images(project, names):
    """Return the number of images in the files of records with these names."""
    return sum(len([*records._serialized([str(project / "data/records" / name)])]) for name in names)


def test_one_more_archive_costs_its_own_images_only(run, project):
    before, count = run(State())
    assert count == len(FIRST)
    after, count = run(State(("first", "second")))
    assert count == len(DELIVERIES["second"])
    files = {name for name in after if name.endswith(".tfrecord")}
    old = {name for name in files if "archive" not in name}
    assert {name: after[name] for name in old} == {name: before[name] for name in before if name.endswith(".tfrecord")}
    assert images(project, files - old) == count
    shards = json.loads(after["index.json"])["splits"]["train"]["shards"]
    assert shards == sorted(shards, key=start), "the archives do not take turns"
    assert shards != sorted(shards)


def start(name):
    """Return where the range of a file of records begins, as a share of all positions; then its archive."""
    number, count = re.search(r"(\d{5})-of-(\d{5})", name).groups()
    return Fraction(int(number), int(count)), "archive" in name


STATES = st.builds(
    State,
    archives=st.sampled_from(
        [("first",), ("first", "second"), ("first", "another class"), ("changed", "second"), ("second", "first")]
    ),
    image_size=st.sampled_from([16, 16, 24]),
    dropped=st.booleans(),
)


@given(history=st.lists(STATES, min_size=2, max_size=4))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_history_the_bytes_are_those_of_one_run(run, project, history):
    expected = {state: run(state, fresh=True)[0] for state in history}
    before = outputs(project)
    for state in history:
        found, count = run(state)
        assert found == expected[state]
        changed = {name for name in found if name.endswith(".tfrecord") and before.get(name) != found[name]}
        assert count == images(project, changed)
        before = found


def test_what_is_damaged_is_recorded_again_and_other_code_records_all(run, project, monkeypatch):
    expected, total = run(State())
    name = "train-00000-of-00003.tfrecord"
    path = project / "data/records" / name
    path.unlink()
    path.write_bytes(expected[name][:-1] + b"?")
    found, count = run(State())
    assert (found, count) == (expected, images(project, [name]))
    monkeypatch.setattr(stage, "code_digest", lambda name: "other code")
    assert run(State())[1] == total
