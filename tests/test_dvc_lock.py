"""dvc.lock held against the working tree, without running anything: it is of this code, these commands and params."""

import pytest
from dvc.dependency import ParamsDependency
from dvc.repo import Repo

from scenes.common.checksum import file_hash
from scenes.provenance import dvc_lock
from tests.code_facts import ROOT


@pytest.fixture(scope="module")
def stages():
    """Every stage as DVC resolves it, by its name."""
    with Repo(ROOT) as repo:
        return {stage.addressing: stage for stage in repo.index.stages}


def of_tree(stage, written) -> dict:
    """What a stage would be run with now: its command, paths, params, and the md5 of each file of code."""
    params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    files = {dep.def_path: dep.fs_path for dep in stage.deps if dep not in params}
    return {
        "cmd": stage.cmd,
        "paths": {*files, *(out.def_path for out in stage.outs)},
        "params": {key: value for dep in params for key, value in dep.read_params().items()},
        "code": {name: file_hash(path, "md5") for name, path in files.items() if not written(name)},
    }


def of_lock(entry, written) -> dict:
    """What it was run with when dvc.lock was written."""
    files = dvc_lock.files(entry, "deps")
    return {
        "cmd": entry["cmd"],
        "paths": {*files, *dvc_lock.files(entry, "outs")},
        "params": {key: value for file in entry.get("params", {}).values() for key, value in file.items()},
        "code": {name: facts["md5"] for name, facts in files.items() if not written(name)},
    }


def test_the_lock_is_of_this_tree(stages):
    locked = dvc_lock.read(ROOT / "dvc.lock")
    outs = [out.def_path for stage in stages.values() for out in stage.outs]

    def written(path):
        return any(dvc_lock.overlap(path, out) for out in outs)

    stale = stages.keys() ^ locked.keys()
    for name in stages.keys() & locked.keys():
        now, then = of_tree(stages[name], written), of_lock(locked[name], written)
        assert now["code"], name
        if now != then:
            stale |= {name}
    names = ", ".join(sorted(stale))
    assert not stale, f"dvc.lock is stale for {names}: run dvc repro and commit dvc.lock and metrics/"
