"""Files that stages wrote: what is not as it was written is refused in one sentence that says how to mend it."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from scenes.common import outputs
from scenes.common.arrays import load_arrays
from scenes.common.errors import InputError
from scenes.common.tables import read_csv, read_json
from tests.helpers import dvc_cli

LOCK = """\
stages:
  make@b:
    cmd: python -m stages.make b
    outs: [{path: data/b}, {path: data/c.csv}]
"""
CONTENT = b"0123456789" * 20


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.fixture
def folder(tmp_path):
    """A folder that a stage wrote, beside a dvc.lock."""
    folder = tmp_path / "data/b"
    (folder / "deeper").mkdir(parents=True)
    for name in ("x.bin", "deeper/y.bin", ".tmp-z.bin"):
        (folder / name).write_bytes(CONTENT + name.encode())
    outputs.write_sums(folder)
    (tmp_path / "dvc.lock").write_text(LOCK)
    (tmp_path / "dvc.yaml").write_text("stages: {make: {}}")
    return folder


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum")
def test_another_program_reads_the_hashes(folder):
    done = subprocess.run(["sha256sum", "--check", outputs.SUMS], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "deeper/y.bin: OK\nx.bin: OK\n")


@pytest.mark.parametrize("bad", [b"", CONTENT[:100], flipped(CONTENT, 0), flipped(CONTENT, 150), b"other"])
def test_a_damaged_file_is_refused_and_dvc_will_notice(folder, bad):
    file = folder / "x.bin"
    assert outputs.checked(file) == file
    file.write_bytes(bad)
    os.utime(file, (0, 0))
    with pytest.raises(InputError) as caught:
        outputs.checked(file)
    assert str(caught.value) == f"{file} is damaged; make it again with `dvc repro make@b`"
    assert file.stat().st_mtime > 0


def test_a_missing_file_is_refused(folder):
    (folder / "x.bin").unlink()
    with pytest.raises(InputError) as caught:
        outputs.checked(folder / "x.bin")
    said = f"{folder / 'x.bin'} is missing; make it with `dvc repro make@b` or fetch it with `dvc pull`"
    assert str(caught.value) == said


CUT = [None, "", "stages:\n  a: [", "stages: {make: 1}", "stages: {make: {cmd: a, outs: }}", LOCK[:20], LOCK[:55]]


@pytest.mark.parametrize("lock", CUT)
def test_without_a_lock_no_stage_is_named(folder, lock):
    if lock is None:
        (folder.parents[1] / "dvc.lock").unlink()
    else:
        (folder.parents[1] / "dvc.lock").write_text(lock)
    (folder / "x.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"is damaged; make it again with `dvc repro`$"):
        outputs.checked(folder / "x.bin")


@pytest.mark.parametrize("at", [*range(0, 68, 9), None], ids=str)
def test_a_damaged_list_of_hashes_accepts_nothing(folder, at):
    listed = folder / outputs.SUMS
    lines = listed.read_bytes().splitlines(keepends=True)
    listed.write_bytes(b"" if at is None else lines[0] + flipped(lines[1], at))
    with pytest.raises(InputError, match=r"x\.bin is damaged"):
        outputs.checked(folder / "x.bin")


def test_what_other_stages_wrote_is_compared_with_dvc_lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write = "mkdir -p d/e s && printf 'a\\n1\\n' > t.csv && cp t.csv d/b.csv && cp t.csv d/e/b.csv && cp t.csv s/x"
    make = f"cmd: {write} && (cd s && sha256sum x > SHA256SUMS), outs: [t.csv, d, s]"
    (tmp_path / "dvc.yaml").write_text(
        f"stages:\n  make: {{{make}}}\n  read: {{cmd: 'true', deps: [t.csv, d, s]}}\n  alone: {{cmd: echo}}\n"
    )
    dvc_cli.succeed(tmp_path, "init --no-scm --quiet", "repro --quiet")
    outputs.check_inputs("true")
    for name in ("t.csv", "d/b.csv", "d/e/b.csv"):
        good = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(b"a\n2\n")
        outputs.check_inputs("echo")
        with pytest.raises(
            InputError,
            match=rf"^{name.split('/')[0]} is not what dvc.lock names; make it again with `dvc repro make`, "
            "or accept what you made by hand with `dvc commit --force make`$",
        ):
            outputs.check_inputs("true")
        (tmp_path / name).write_bytes(good)
    (tmp_path / "s/x").unlink()
    with pytest.raises(InputError, match=r"^s/x is missing; make it with `dvc repro make`"):
        outputs.check_inputs("true")
    (tmp_path / "t.csv").unlink()
    monkeypatch.delenv("DVC_STAGE", raising=False)
    with pytest.raises(InputError, match=r"^t\.csv is missing; make it with `dvc repro make`"):
        outputs.check_inputs("true")


@pytest.mark.parametrize("name", ["t.csv", "d/b.csv"])
def test_the_named_command_mends_a_file_whose_object_in_the_cache_is_damaged_too(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make = "cmd: mkdir -p d && echo 1 > t.csv && echo 2 > d/b.csv, outs: [t.csv, d]"
    old = f"cmd: echo, outs: [{{path: t.csv, md5: '{'a' * 32}', hash: md5}}]"  # of a stage that is gone
    (tmp_path / "dvc.yaml").write_text(f"stages:\n  make: {{{make}}}\n  read: {{cmd: 'true', deps: [t.csv, d]}}\n")
    dvc_cli.succeed(tmp_path, "init --no-scm --quiet", "config cache.type hardlink", "repro --quiet")
    whole = (tmp_path / "dvc.lock").read_text().replace("stages:\n", f"stages:\n  gone: {{{old}}}\n")
    (tmp_path / "dvc.lock").write_text(whole)
    outputs.check_inputs("true")
    good, object_mode = (tmp_path / name).read_bytes(), (tmp_path / name).stat().st_mode
    (tmp_path / name).chmod(0o644)
    (tmp_path / name).write_bytes(b"9\n")  # the object has the same inode
    (tmp_path / name).chmod(object_mode)
    with pytest.raises(InputError, match="make it again with `dvc repro make`"):
        outputs.check_inputs("true")
    dvc_cli.succeed(tmp_path, "repro make")
    assert (tmp_path / name).read_bytes() == good
    outputs.check_inputs("true")


@pytest.mark.parametrize("text", [b"", b'{"a": 1', b'"\xff"', b"[" * 100_000, b"[]", b"1", None])
def test_json_that_cannot_be_read(tmp_path, text):
    if text is not None:
        (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(InputError, match=r"a\.json is (damaged .*; make it again|missing; make it) with `dvc repro`"):
        read_json(tmp_path / "a.json")


def test_a_key_that_json_lacks_is_missed_when_it_is_looked_up(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": {"b": 1}, "c": [{}]}')
    found = read_json(path, ["c", "a"])
    assert found == {"a": {"b": 1}, "c": [{}]}
    assert found.get("d") is None
    for lookup, key in ((lambda: found["d"], "d"), (lambda: found["a"]["x"], "x"), (lambda: found["c"][0]["y"], "y")):
        with pytest.raises(InputError) as caught:
            lookup()
        assert str(caught.value) == f"{path} is damaged (it lacks {key}); make it again with `dvc repro`"
    with pytest.raises(InputError, match=r"it lacks d, e\)"):
        read_json(path, ["e", "a", "d"])


@pytest.mark.parametrize(
    "text",
    [b"", b"a,b\n1,2", b"a,b\n1,2\n3", b"a,b\n1,\xff\n", b'a,b\n1,"2\n', b"a\n1\n", None],
)
def test_a_table_that_cannot_be_read(tmp_path, text):
    if text is not None:
        (tmp_path / "a.csv").write_bytes(text)
    with pytest.raises(InputError, match=r"a\.csv is (damaged .*; make it again|missing; make it) with `dvc repro`"):
        read_csv(tmp_path / "a.csv", columns=("a", "b"))


def test_a_table_with_text_for_a_number(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,two\n")
    with pytest.raises(InputError, match=r"a\.csv is damaged"):
        read_csv(tmp_path / "a.csv", integers=("b",))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_an_array_that_is_not_finite(tmp_path, name, value):
    array = np.array([0.0, value], np.float16)
    (np.savez if name == "a.npz" else np.save)(tmp_path / name, array)
    with pytest.raises(InputError, match=rf"{name} is damaged \(it has a number that is not finite\); make it again"):
        load_arrays(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_arrays_that_are_cut_short_or_pickled(tmp_path, name):
    save = np.savez if name == "a.npz" else np.save
    save(tmp_path / name, np.arange(50))
    whole = (tmp_path / name).read_bytes()
    loaded = load_arrays(tmp_path / name)
    assert np.array_equal(loaded["arr_0"] if name == "a.npz" else loaded, np.arange(50))
    for size in (0, 5, 60, len(whole) // 2, len(whole) - 9):
        (tmp_path / name).write_bytes(whole[:size])
        with pytest.raises(InputError, match=rf"{name} is damaged"):
            load_arrays(tmp_path / name)
    save(tmp_path / name, np.array([{}], object))
    with pytest.raises(InputError, match=rf"{name} is damaged; make it again"):  # not NumPy's advice about pickles
        load_arrays(tmp_path / name)
