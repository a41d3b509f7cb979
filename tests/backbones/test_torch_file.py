"""Files of tensors in PyTorch's older format: every stride is followed, and nothing but tensors is ever built.

The files are written here as ``torch.save`` did until version 1.6, without PyTorch.
"""

import pickle
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.backbones import torch_file
from scenes.common.errors import InputError

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
KINDS = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<f2": "HalfStorage", "<i4": "IntStorage", "<i8": "LongStorage"}
ORDERED_DICT = b"ccollections\nOrderedDict\n)R"


class Tensor(NamedTuple):
    """A part of a storage; the offset and the strides count elements."""

    storage: str
    offset: int
    shape: Sequence[int]
    strides: Sequence[int]


def whole(key: str, array: np.ndarray) -> Tensor:
    """All of a storage, as the array in row-major order that it was written from."""
    return Tensor(key, 0, array.shape, [step // array.itemsize for step in array.strides])


def write(storages: Mapping[str, np.ndarray], tensors: Mapping[str, Tensor]) -> bytes:
    """Return a state dict as a file, with those of the storages that a tensor is in, each a row of numbers."""
    used = {tensor.storage for tensor in tensors.values()}
    storages = {key: array for key, array in storages.items() if key in used}
    items = b"".join(_text(name) + _tensor(tensor, storages[tensor.storage]) for name, tensor in tensors.items())
    return assemble(ORDERED_DICT + b"(" + items + b"u.", storages)


def assemble(
    content: bytes,
    storages: Mapping[str, np.ndarray],
    *,
    magic: int = MAGIC,
    version: int = VERSION,
    facts: bytes | None = None,
) -> bytes:
    """Return a file around the pickle ``content``; ``facts`` is another pickle, for the one about the machine."""
    facts = facts or b"}(" + _text("little_endian") + b"\x88u."
    keys = b"](" + b"".join(_text(key) for key in storages) + b"e."
    arrays = b"".join(
        struct.pack("<q", array.size) + array.astype(array.dtype.newbyteorder("<")).tobytes()
        for array in storages.values()
    )
    return _number(magic) + b"." + _number(version) + b"." + facts + content + keys + arrays


def _tensor(tensor: Tensor, array: np.ndarray) -> bytes:
    kind = KINDS[array.dtype.newbyteorder("<").str]
    storage = b"(" + _text("storage") + f"ctorch\n{kind}\n".encode() + _text(tensor.storage) + _text("cpu")
    storage += _number(array.size) + b"NtQ"
    numbers = _number(tensor.offset) + _tuple(tensor.shape) + _tuple(tensor.strides)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + numbers + b"\x89" + ORDERED_DICT + b"tR"


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _number(number: int) -> bytes:
    return f"L{number}L\n".encode()


def _tuple(numbers: Sequence[int]) -> bytes:
    return b"(" + b"".join(_number(number) for number in numbers) + b"t"


ROW = np.arange(24, dtype=np.float32)
STORAGES = {"7": ROW, "8": np.array([5], np.int64), "9": np.arange(6, dtype=np.float16)}
GOOD = write(STORAGES, {"weight": Tensor("7", 0, (2, 3), (1, 2)), "count": Tensor("8", 0, (), ())})


def read(path, data: bytes):
    path.write_bytes(data)
    return torch_file.read_tensors(path)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("torch") / "file.pth"


def test_a_tensor_is_what_its_strides_say(path):
    tensors = {
        "plain": Tensor("7", 0, (4, 6), (6, 1)),
        "transposed": Tensor("7", 0, (6, 4), (1, 6)),
        "part": Tensor("7", 7, (2, 3), (12, 2)),
        "number": Tensor("8", 0, (), ()),
        "halves": Tensor("9", 0, (6,), (1,)),
        "repeated": Tensor("7", 3, (5, 2), (0, 1)),
    }
    found = read(path, write(STORAGES, tensors))
    assert list(found) == list(tensors)
    np.testing.assert_array_equal(found["plain"], ROW.reshape(4, 6))
    np.testing.assert_array_equal(found["transposed"], ROW.reshape(4, 6).T)
    np.testing.assert_array_equal(found["part"], [[7, 9, 11], [19, 21, 23]])
    np.testing.assert_array_equal(found["halves"], np.arange(6))
    np.testing.assert_array_equal(found["repeated"], [[3, 4]] * 5)
    assert found["number"] == 5
    assert {name: array.dtype for name, array in found.items() if name in ("plain", "number", "halves")} == {
        "plain": np.float32,
        "number": np.int64,
        "halves": np.float16,
    }
    assert not any(array.flags.writeable for array in found.values())


@given(st.permutations(range(4)), st.lists(st.integers(1, 4), min_size=4, max_size=4))
def test_any_order_of_the_axes_is_followed(path, order, shape):
    """As NumPy lays it out: of a transposed array, the strides are those of a view."""
    array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    view = array.transpose(order)
    found = read(path, write({"0": array}, {"x": whole("0", view)}))
    np.testing.assert_array_equal(found["x"], view)


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor("7", 0, (5, 5), (5, 1)),
        Tensor("7", 23, (2,), (1,)),
        Tensor("7", -1, (2,), (1,)),
        Tensor("7", 8, (2, 2), (-1, 1)),
        Tensor("7", 0, (2, 2), (1,)),
        Tensor("7", 0, (0,), (1,)),
        Tensor("7", 0, (1 << 70,), (0,)),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(path, tensor):
    with pytest.raises(InputError, match="is not a dict of tensors"):
        read(path, write(STORAGES, {"x": tensor}))


class Command:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def test_nothing_in_a_file_is_run(path, tmp_path):
    import os

    target = tmp_path / "made"
    for command in (Command(os.system, f"touch {target}"), Command(exec, f"open({str(target)!r}, 'w')")):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            content = pickle.dumps(command, protocol)
            assert pickle.loads(content) is not NotImplemented  # the pickle does what it is for
            target.unlink()
            for data in (content, assemble(content, {}), assemble(content, {}, facts=content)):
                with pytest.raises(InputError, match="is not a dict of tensors"):
                    read(path, data)
                assert not target.exists()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is not a dict of tensors"),
        (b"PK\x03\x04 the newer format is a zip", "is not a dict of tensors"),
        (assemble(b"}.", {}, magic=7), "begins with another number"),
        (assemble(b"}.", {}, version=1000), "another version"),
        (assemble(b"}.", {}, facts=pickle.dumps({"little_endian": False})), "big-endian"),
        (assemble(pickle.dumps({"x": 1}), {}), "something else than tensors"),
        (assemble(pickle.dumps([1]), {}), "is not a dict of tensors"),
        (assemble(pickle.dumps(np.zeros(2)), {}), "asks for numpy"),
        (assemble(b"ctorch._utils\n_rebuild_parameter\n.", {}), "asks for torch._utils._rebuild_parameter"),
        (GOOD + b"x", "bytes follow its end"),
        # Python's own unpickler would take 32 GB for this one.
        (assemble(b"}r\xff\xff\xff\x7f.", {}), "an index in it is too large"),
    ],
)
def test_other_files_are_refused_with_a_reason(path, data, reason):
    with pytest.raises(InputError, match=reason) as caught:
        read(path, data)
    assert "\n" not in str(caught.value)


def test_a_file_cut_anywhere_is_refused(path):
    assert set(read(path, GOOD)) == {"weight", "count"}
    for end in range(len(GOOD)):
        with pytest.raises(InputError):
            read(path, GOOD[:end])


@given(st.data())
def test_a_damaged_file_is_read_or_refused(path, data):
    """No other error than the one that is shown to people, and no time or memory to speak of."""
    damaged = bytearray(GOOD)
    for position in data.draw(st.lists(st.integers(0, len(GOOD) - 1), min_size=1, max_size=3)):
        damaged[position] = data.draw(st.integers(0, 255))
    try:
        found = read(path, bytes(damaged))
    except InputError:
        return
    assert all(isinstance(array, np.ndarray) for array in found.values())


def test_a_large_file_is_not_read(path, monkeypatch):
    monkeypatch.setattr(torch_file, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="at most 100"):
        read(path, GOOD)
