"""The state of a training: what is read is what was written, or nothing; a kill leaves the old or the new, whole."""

import io
import os
import random
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from scenes.training import checkpoint
from scenes.training.checkpoint import Checkpoint
from tests.code_facts import ROOT
from tests.helpers.saving import state

DTYPES = st.sampled_from([np.float32, np.float16, np.uint32, np.int64, np.bool_]).map(np.dtype)
# Scalars, empty arrays, and what a network has.
ARRAYS = DTYPES.flatmap(
    lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, min_side=0, max_side=4))
)
NUMBERS = st.floats(allow_nan=False)
CHECKPOINTS = st.builds(
    Checkpoint,
    epoch=st.integers(0, 10**6),
    stopped=st.booleans(),
    history=st.dictionaries(st.text(max_size=8), st.lists(NUMBERS, max_size=4), max_size=3),
    arrays=st.fixed_dictionaries({name: st.lists(ARRAYS, max_size=4) for name in ("model", "optimizer", "best")}),
    stopping=st.fixed_dictionaries(
        {"best": st.none() | NUMBERS, "wait": st.integers(0, 99), "best_epoch": st.integers(0, 99)}
    ),
)


def same(one: Checkpoint, other: Checkpoint) -> bool:
    facts = [(c.epoch, c.stopped, c.history, c.stopping, c.arrays.keys()) for c in (one, other)]
    pairs = [(a, b) for name in one.arrays for a, b in zip(one.arrays[name], other.arrays[name], strict=True)]
    return facts[0] == facts[1] and all(
        (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()) for a, b in pairs
    )


@settings(deadline=None, max_examples=40)
@given(saved=CHECKPOINTS)
def test_it_comes_back_bit_by_bit(tmp_path_factory, saved):
    path = tmp_path_factory.mktemp("state") / "state.npz"
    checkpoint.save(path, saved)
    assert same(checkpoint.load(path), saved)
    assert same(checkpoint.load(path.read_bytes()), saved)
    assert os.listdir(path.parent) == ["state.npz"]  # noqa: PTH208


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "state.npz"
    # An array of more than the 4096 bytes that zipfile reads at a time: a smaller one is checked when it is opened.
    checkpoint.save(path, state(3, 400))
    return path.read_bytes()


def test_there_is_nothing_where_nothing_was_saved(tmp_path):
    assert checkpoint.load(tmp_path / "state.npz") is None
    assert checkpoint.load(tmp_path / "nowhere" / "state.npz") is None


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04", b"not a zip", b"\x93NUMPY\x01\x00"])
def test_what_is_no_state_is_nothing(tmp_path, content):
    (tmp_path / "state.npz").write_bytes(content)
    assert checkpoint.load(tmp_path / "state.npz") is None


def test_a_zip_that_holds_something_else_is_nothing(tmp_path):
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    assert checkpoint.load(tmp_path / "other.npz") is None


def test_a_file_cut_short_anywhere_is_nothing(tmp_path, written):
    path = tmp_path / "state.npz"
    path.write_bytes(written)
    for length in sorted({*range(0, len(written), 101), *range(len(written) - 400, len(written))}, reverse=True):
        os.truncate(path, length)
        assert checkpoint.load(path) is None, length


def places(content: bytes) -> list[int]:
    """The bytes that differ in kind: headers of a member and its array, some data, its entry in the directory."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = archive.infolist()[1]
        directory = archive.start_dir
    assert member.filename == "model/0.npy"
    end = range(len(content) - 22, len(content))
    return [*range(member.header_offset, member.header_offset + 200), *range(directory, directory + 130), *end]


def put(path, place: int, byte: int) -> None:
    """Overwrite a byte where it is: file systems that write a whole file to the disk each time take much longer."""
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes([byte]))


def test_a_flipped_bit_is_never_taken_for_a_state(tmp_path, written):
    """Nothing, or, where the bit says nothing (a date, a version), the very state; never an exception or another one.

    A bit in an array's header may make it shorter: then less of the member is read than its checksum covers.
    """
    path, expected, survived = tmp_path / "state.npz", state(3, 400), 0
    path.write_bytes(written)
    for place in places(written):
        for bit in range(8):
            put(path, place, written[place] ^ 1 << bit)
            found = checkpoint.load(path)
            assert found is None or same(found, expected), f"bit {bit} of byte {place}"
            survived += found is not None
        put(path, place, written[place])
    assert path.read_bytes() == written
    assert survived < len(places(written)) * 8 / 2


@settings(deadline=None)
@given(data=st.data())
def test_noise_over_a_part_is_never_taken_for_a_state(tmp_path_factory, written, data):
    start = data.draw(st.integers(0, len(written) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=64))
    path = tmp_path_factory.mktemp("noise") / "state.npz"
    path.write_bytes(written[:start] + noise + written[start + len(noise) :])
    found = checkpoint.load(path)
    assert found is None or same(found, state(3, 400))


@pytest.mark.process
def test_a_process_killed_while_it_saves_leaves_a_whole_state(tmp_path):
    """Killed at moments drawn from the time some saves take; what is there is the last one reported or the next."""
    path, rng, inside = tmp_path / "state.npz", random.Random(0), 0
    for _ in range(6):
        path.unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.saving", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        try:
            for _ in range(3):  # "ready" and two saves, so that there is an old state
                process.stdout.readline()
            time.sleep(rng.uniform(0, 0.05))
        finally:
            process.send_signal(signal.SIGKILL)
            reported = int((process.stdout.read().split() or ["2"])[-1])
            process.wait()
        found = checkpoint.load(path)
        assert found is not None
        assert found.epoch in (reported % 50, (reported + 1) % 50)
        assert same(found, state(found.epoch, 20_000))
        inside += (tmp_path / ".tmp-state.npz").exists()
    # What a killed save leaves beside is in nobody's way.
    checkpoint.save(path, state(7))
    assert same(checkpoint.load(path), state(7))
    assert not (tmp_path / ".tmp-state.npz").exists()
    assert inside, "no kill hit a save: the test has shown nothing"
