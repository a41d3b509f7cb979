"""What a stage takes over from an earlier run: all that is unchanged and sound; the same bytes after any history."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.outputs import write_sums
from scenes.executors import reuse

NAMES = ("a", "b", "c")
VERSIONS = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2))
FAULTS = st.sampled_from(
    ["none", "killed", "killed between", "flipped", "cut", "missing", "no keys", "damaged keys", "no folder"]
)


def run(place, versions, *, killed=False):
    """Run a stage that writes a file for each name, from its version; return the names that it computed."""
    computed = set()
    with reuse.renewed(place / "out", place / "keys.json", {name: reuse.key(v) for name, v in versions.items()}) as new:
        for name, version in versions.items():
            if not (new / name).exists():
                (new / name).write_text(f"{name} {version}")
                computed.add(name)
        if killed:
            raise KeyboardInterrupt
        write_sums(new)
    return computed


def content(place):
    return {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def befall(place, fault, keys, files):
    """Do to the outputs what may happen between two runs, and to the versions that they have."""
    if fault in ("no keys", "damaged keys"):
        keys.clear()
        (place / "keys.json").unlink()
        if fault == "damaged keys":
            (place / "keys.json").write_bytes(b'{"a": \xff')
    elif fault == "no folder":
        files.clear()
        shutil.rmtree(place / "out")
    elif files and fault in ("flipped", "cut", "missing"):
        name = min(files)
        del files[name]
        (place / "out" / name).unlink()
        if fault != "missing":
            (place / "out" / name).write_text("" if fault == "cut" else "?")


@given(history=st.lists(st.tuples(VERSIONS, FAULTS), min_size=2, max_size=5))
@settings(max_examples=80)
def test_after_any_history_the_bytes_are_those_of_one_run_and_no_more_was_computed(history):
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "one"
        keys, files = {}, {}  # the versions in keys.json and in the folder
        for number, (versions, fault) in enumerate(history):
            before = content(place)
            if fault == "killed":
                with pytest.raises(KeyboardInterrupt):
                    run(place, versions, killed=True)
                assert content(place) == before
                continue
            known = {name for name in versions if versions[name] == files.get(name) == keys.get(name)}
            assert run(place, versions) == versions.keys() - known
            fresh = Path(temporary) / str(number)
            run(fresh, versions)
            assert content(place) == content(fresh)
            files = dict(versions)
            if fault == "killed between":  # the folder is new, and the keys are those before
                (place / "keys.json").write_bytes(before.get(Path("keys.json"), b""))
            else:
                keys = dict(versions)
                befall(place, fault, keys, files)


@pytest.mark.process
def test_dvc_removes_the_outputs_and_its_cache_has_them(tmp_path, monkeypatch):
    """A real repository, whose cache is linked to: no object of it is ever written to."""
    monkeypatch.chdir(tmp_path)
    for command in ("git init -q", "dvc init -q", "dvc config cache.type hardlink,copy"):
        subprocess.run(command.split(), check=True, timeout=60)
    Path("dvc.yaml").write_text("stages: {run: {cmd: 'true', outs: [out, keys.json]}}")
    run(tmp_path, {"a": 1, "b": 1})
    subprocess.run(["dvc", "commit", "-q", "--force"], check=True, timeout=60)
    cached = content(tmp_path / ".dvc/cache/files")
    shutil.rmtree("out")
    Path("keys.json").unlink()
    assert run(tmp_path, {"a": 1, "b": 2, "c": 1}) == {"b", "c"}
    (tmp_path / "out/a").write_text("?")  # a copy: neither protected nor an object of the cache
    assert content(tmp_path / ".dvc/cache/files") == cached
    # A damaged object would be taken by DVC for what is computed again.
    shutil.rmtree("out")
    Path("keys.json").unlink()
    (damaged,) = (path for path in Path(".dvc/cache/files").rglob("*") if path.is_file() and path.read_text() == "a 1")
    damaged.chmod(0o644)
    damaged.write_text("?")
    assert run(tmp_path, {"a": 1, "b": 1}) == {"a"}
    assert not damaged.exists()


def test_all_is_computed_if_someone_wants_to_compare(tmp_path, monkeypatch):
    run(tmp_path, {"a": 1})
    monkeypatch.setenv(reuse.VARIABLE, "1")
    assert run(tmp_path, {"a": 1}) == {"a"}


def test_another_decoder_computes_all(tmp_path, monkeypatch):
    run(tmp_path, {"a": 1, "b": 1})
    monkeypatch.setattr(reuse, "decoder_versions", lambda: {"pillow": "0"})
    assert run(tmp_path, {"a": 1, "b": 1}) == {"a", "b"}
