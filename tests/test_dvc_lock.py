"""code/ and dvc.lock held against the working tree, without running a stage: this code, these commands and params."""

from functools import partial

import pytest
from dvc.dependency import ParamsDependency
from dvc.repo import Repo

from scenes.provenance import dvc_lock
from stages import code
from tests.code_facts import ROOT


@pytest.fixture(scope="module")
def stages():
    """Every stage as DVC resolves it, by its name."""
    with Repo(ROOT) as repo:
        return {stage.addressing: stage for stage in repo.index.stages}


def of_tree(stage, is_code) -> dict:
    """What a stage would be run with now: its command, paths, params, and the hash of its code."""
    params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    deps = {dep.def_path: dep for dep in stage.deps if dep not in params}
    return {
        "cmd": stage.cmd,
        "paths": {*deps, *(out.def_path for out in stage.outs)},
        "params": {key: value for dep in params for key, value in dep.read_params().items()},
        # An output that the lock does not know yet counts as code, and may not exist.
        "code": {name: dep.exists and dep.get_hash().value for name, dep in deps.items() if is_code(name)},
    }


def of_lock(entry, is_code) -> dict:
    """What it was run with when dvc.lock was written."""
    files = dvc_lock.files(entry, "deps")
    return {
        "cmd": entry["cmd"],
        "paths": {*files, *dvc_lock.files(entry, "outs")},
        "params": {key: value for file in entry.get("params", {}).values() for key, value in file.items()},
        "code": {name: facts["md5"] for name, facts in files.items() if is_code(name)},
    }


def test_code_is_of_this_tree():
    there = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "code").iterdir()}
    now = {f"{name}.txt": text for name, text in code.texts().items()}
    stale = ", ".join(sorted({name for name, _ in there.items() ^ now.items()}))
    assert there == now, f"code/ is stale ({stale}): run dvc repro and commit code/, dvc.lock and metrics/"


def test_the_lock_is_of_this_tree(stages):
    locked = dvc_lock.read(ROOT / "dvc.lock")
    is_code = partial(dvc_lock.is_code, locked)
    stale = stages.keys() ^ locked.keys()
    for name in stages.keys() & locked.keys():
        now, then = of_tree(stages[name], is_code), of_lock(locked[name], is_code)
        assert now["code"], name
        if now != then:
            stale |= {name}
    names = ", ".join(sorted(stale))
    assert not stale, f"dvc.lock is stale for {names}: run dvc repro and commit code/, dvc.lock and metrics/"


def test_the_results_in_git_are_those_of_the_lock(stages):
    locked = dvc_lock.read(ROOT / "dvc.lock")
    in_git = [(name, out) for name, stage in stages.items() for out in stage.outs if not out.use_cache]
    assert {"code", "reports/model_card.md", "metrics/transfer.json"} <= {out.def_path for _, out in in_git}
    for name, out in in_git:
        assert out.get_hash().value == dvc_lock.files(locked[name], "outs")[out.def_path]["md5"], out.def_path
