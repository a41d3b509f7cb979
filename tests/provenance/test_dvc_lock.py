"""Reading dvc.lock, and naming where two of them differ: on locks drawn at random and on the committed one."""

import copy
import random

import networkx
import pytest
import yaml
from dvc.repo import Repo
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.provenance import dvc_lock
from tests.code_facts import ROOT

NAMES = ("the committed dvc.lock", "the clone")
HASHES = st.text("0123456789abcdef", min_size=8, max_size=8)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))


def entry(path: str, md5: str) -> dict:
    return {"path": path, "hash": "md5", "md5": md5, "size": 7}


@st.composite
def locks(draw) -> dict:
    """Stages whose outputs the later ones depend on: a file, the folder that it lies in, or a file in a folder."""
    stages = {}
    for number in range(draw(st.integers(1, 6))):
        deps = [entry(f"code/{number}.py", draw(HASHES))]
        for name in draw(st.lists(st.sampled_from(sorted(stages)), unique=True)) if stages else []:
            (out,) = stages[name]["outs"]
            parent, _, _ = out["path"].rpartition("/")
            deps.append(entry(draw(st.sampled_from([out["path"], parent, f"{out['path']}/inner"])), draw(HASHES)))
        stages[f"s{number}"] = {
            "cmd": draw(st.sampled_from(["run", ["check", "run"]])),
            "deps": deps,
            "params": {"params.yaml": {"a": draw(VALUES), f"block{number}": {"b": {"c": draw(VALUES)}}}},
            "outs": [entry(f"out/{number}/file", draw(HASHES))],
        }
    return stages


def edit_code(stage, number):
    stage["deps"][0]["md5"] += "0"
    return "code", [f"code/{number}.py"]


def edit_size(stage, number):
    stage["deps"][0]["size"] += 1
    return "code", [f"code/{number}.py"]


def add_code(stage, number):
    stage["deps"].append(entry("code/more.py", "0"))
    return "code", ["code/more.py"]


def remove_code(stage, number):
    del stage["deps"][0]
    return "code", [f"code/{number}.py"]


def edit_command(stage, number):
    stage["cmd"] = [*([stage["cmd"]] if isinstance(stage["cmd"], str) else stage["cmd"]), "and more"]
    return "commands", ["and more"]


def edit_param(stage, number):
    block = stage["params"]["params.yaml"][f"block{number}"]["b"]
    block["c"] = [block["c"]]
    return "params", [f"block{number}.b.c"]


def add_param(stage, number):
    stage["params"]["params.yaml"]["more"] = {"deep": None}
    return "params", ["more.deep"]


def remove_param(stage, number):
    del stage["params"]["params.yaml"]["a"]
    return "params", ["a"]


def edit_output(stage, number):
    stage["outs"][0]["md5"] += "0"
    return "outputs", [f"out/{number}/file"]


def edit_input(stage, number):
    if len(stage["deps"]) == 1:
        return edit_output(stage, number)
    stage["deps"][-1]["md5"] += "0"
    return "inputs", [stage["deps"][-1]["path"]]


EDITS = (
    edit_code,
    edit_size,
    add_code,
    remove_code,
    edit_command,
    edit_param,
    add_param,
    remove_param,
    edit_output,
    edit_input,
)


@settings(deadline=None)
@given(locks(), st.sampled_from(EDITS), st.randoms(use_true_random=False))
def test_any_single_edit_is_named_as_what_it_is(stages, edit, chance):
    edited = copy.deepcopy(stages)
    name = chance.choice(sorted(stages))
    part, names = edit(edited[name], int(name[1:]))
    for one, other in ((stages, edited), (edited, stages)):
        (found,) = dvc_lock.differences(one, other)
        assert (found.stage, dict(found.parts)) == (name, {part: names})
        assert found.causes == ({} if part == "outputs" else {part: names})
    assert dvc_lock.differences(edited, copy.deepcopy(edited)) == []


def test_what_the_stage_code_says_of_another_is_code_and_corrections_are_an_input():
    stages = {
        "code": {"cmd": "a", "deps": [entry("scenes", "1")], "outs": [entry("code", "1")]},
        "train": {
            "cmd": "b",
            "deps": [entry("code/train.txt", "1"), entry("data", "1"), entry("corrections/demo.csv", "1")],
            "outs": [entry("model", "1")],
        },
        "data": {"cmd": "c", "outs": [entry("data", "1")]},
    }
    edited = copy.deepcopy(stages)
    for file in (edited["code"]["deps"][0], edited["code"]["outs"][0], *edited["train"]["deps"]):
        file["md5"] = "2"
    first, second = dvc_lock.differences(stages, edited)
    assert (first.stage, first.causes) == ("code", {"code": ["scenes"]})
    assert (second.stage, second.causes) == (
        "train",
        {"code": ["code/train.txt"], "inputs": ["corrections/demo.csv", "data"]},
    )


@settings(deadline=None)
@given(locks(), st.randoms(use_true_random=False))
def test_a_difference_that_spreads_is_named_where_it_begins(stages, chance):
    """The outputs of one stage change, and so do the inputs and outputs of all behind it; the file is shuffled."""
    edited = copy.deepcopy(stages)
    start = chance.choice(sorted(stages))
    before = dvc_lock.needed(stages)
    spread = {start}
    for name in sorted(stages):
        spread |= {name} if before[name] & spread else set()
    for name in spread:
        edited[name]["outs"][0]["md5"] += "0"
        for dep in edited[name]["deps"][1:]:
            if any(dvc_lock.overlap(dep["path"], edited[other]["outs"][0]["path"]) for other in spread):
                dep["md5"] += "0"
    names = sorted(stages)
    chance.shuffle(names)
    found = dvc_lock.differences({name: stages[name] for name in names}, edited)
    assert {difference.stage for difference in found} == spread
    # Another stage may read the same folder, and so stand behind the start; the start itself has no other cause.
    first = next(difference for difference in found if not difference.causes)
    assert first.stage == start
    assert found.index(first) == 0


@settings(deadline=None)
@given(locks(), st.randoms(use_true_random=False))
def test_a_stage_that_only_one_has_is_named(stages, chance):
    name = chance.choice(sorted(stages))
    without = {other: stage for other, stage in stages.items() if other != name}
    found = {difference.stage: difference for difference in dvc_lock.differences(stages, without)}
    assert found[name].parts == {"stage": ["first"]}
    assert found.keys() == {name}
    assert dvc_lock.differences(without, stages)[0].parts == {"stage": ["second"]}


@settings(deadline=None)
@given(locks(), st.randoms(use_true_random=False))
def test_the_order_is_one_of_those_that_networkx_allows(stages, chance):
    names = sorted(stages)
    chance.shuffle(names)
    shuffled = {name: stages[name] for name in names}
    graph = networkx.DiGraph()
    graph.add_nodes_from(stages)
    graph.add_edges_from((other, name) for name, others in dvc_lock.needed(shuffled).items() for other in others)
    order = dvc_lock.ordered(shuffled)
    assert sorted(order) == sorted(stages)
    assert all(order.index(one) < order.index(other) for one, other in graph.edges)
    for name in names:
        assert set(dvc_lock.chain(shuffled, name)) == {name} | networkx.ancestors(graph, name)


def test_the_order_of_the_file_is_kept_where_nothing_speaks_against_it():
    stages = {name: {"cmd": "x", "outs": [entry(name, "0")]} for name in "cab"}
    assert dvc_lock.ordered(stages) == ["c", "a", "b"]


def test_what_stages_need_is_what_dvc_says():
    """The second implementation: DVC's own graph of the stages in dvc.yaml."""
    with Repo(ROOT) as repo:
        stages = {
            stage.addressing: {
                "cmd": stage.cmd,
                "deps": [entry(dep.def_path, "0") for dep in stage.deps if not hasattr(dep, "params")],
                "outs": [entry(out.def_path, "0") for out in stage.outs],
            }
            for stage in repo.index.stages
        }
        edges = {(one.addressing, two.addressing) for one, two in repo.index.graph.edges}
    assert {(name, other) for name, others in dvc_lock.needed(stages).items() for other in others} == edges


def test_entries_in_another_order_and_yaml_in_another_style_are_the_same():
    text = (ROOT / "dvc.lock").read_text()
    stages = dvc_lock.parse(text)
    shuffled = {}
    for name in random.Random(0).sample(sorted(stages), len(stages)):
        stage = copy.deepcopy(stages[name])
        for part in ("deps", "outs"):
            random.Random(1).shuffle(stage.get(part, []))
        shuffled[name] = dict(reversed(stage.items()))
    again = dvc_lock.parse(yaml.safe_dump({"schema": "2.0", "stages": shuffled}, default_flow_style=True))
    assert dvc_lock.differences(stages, again) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("a/b", "a/b", True), ("a", "a/b", True), ("a/b/c", "a", True), ("a/b", "a/bc", False), ("a/b", "b", False)],
)
def test_paths_overlap(one, other, same):
    assert dvc_lock.overlap(one, other) is same


@pytest.mark.parametrize(
    "text",
    ["", "a: [", "<<<<<<< ours\nstages:\n=======\n", "stages: 3\n", "stages: {a: 1}\n", "stages: {a: {}}\n", "[]"],
)
def test_a_file_that_is_no_lock_is_one_sentence(tmp_path, text):
    (tmp_path / "dvc.lock").write_text(text)
    with pytest.raises(InputError, match=r"dvc\.lock is not a lock as DVC writes it"):
        dvc_lock.read(tmp_path / "dvc.lock")


def test_no_file_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"dvc\.lock is missing; run `dvc repro`"):
        dvc_lock.read(tmp_path / "dvc.lock")


def test_stages_in_a_circle_are_one_sentence():
    stages = {
        "a": {"cmd": "x", "deps": [entry("two", "0")], "outs": [entry("one", "0")]},
        "b": {"cmd": "x", "deps": [entry("one", "0")], "outs": [entry("two", "0")]},
    }
    with pytest.raises(InputError, match=r"depend on each other \(a, b\)"):
        dvc_lock.ordered(stages)


@pytest.mark.parametrize(
    ("parts", "exact", "said"),
    [
        ({"stage": ["first"]}, True, "x is in the committed dvc.lock and not in the clone"),
        ({"stage": ["second"]}, False, "x is in the clone and not in the committed dvc.lock"),
        ({"params": ["seed"], "outputs": ["o"]}, True, "x was run with other params (seed)"),
        (
            {"code": list("abcdef"), "inputs": ["i"], "outputs": ["o"]},
            False,
            "x was run with other code (a, b, c, d and 2 more) and other inputs (i)",
        ),
        ({"outputs": ["o"]}, True, "x gives other bytes (o) from the same .* a defect"),
        ({"outputs": ["o"]}, False, "x gives other bytes (o) from the same .* rounds differently"),
    ],
)
def test_the_sentence_says_what_explains_it(parts, exact, said):
    sentence = dvc_lock.format_difference(dvc_lock.Difference("x", parts), names=NAMES, exact=exact)
    first, _, last = said.partition(".*")
    assert sentence.startswith(first)
    assert last in sentence
    assert ("defect" in sentence) == (set(parts) == {"outputs"})
