"""Files in PyTorch's older format, written without PyTorch: what ``torch.save`` wrote until version 1.6."""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

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
