"""Reading the tensors in a file of PyTorch's older format, without PyTorch and without running code from the file.

The format (``torch.serialization._legacy_save``): five pickles (a magic number, the version of the format, facts about
the machine, the object, and the keys of its storages), then for each key the number of elements as int64, and these.
"""

import io
import pickle
import pickletools
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scenes.common.errors import InputError, explained

MAX_BYTES = 256_000_000  # of a file; those read here have at most 25 MB
_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "IntStorage": np.dtype("<i4"),
    "LongStorage": np.dtype("<i8"),
}


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype
    elements: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int  # this and the strides count elements, not bytes
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """Return the tensors of a state dict by name, in the file's order.

    Returns:
        Read-only arrays, some of which may share their memory.

    Raises:
        InputError: the file is not a dict of dense tensors in this format, is cut short, or asks for anything else
            than tensors to be built.
    """
    path = Path(path)
    if (size := path.stat().st_size) > MAX_BYTES:
        raise InputError(f"{path}: it has {size} bytes; a file of tensors has at most {MAX_BYTES}")
    try:
        with explained():
            return _parse(path.read_bytes())
    except InputError:
        raise
    except Exception as error:  # pickle and NumPy raise a dozen kinds for a damaged file
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(
            f"{path}: it is not a dict of tensors in PyTorch's older format ({reason}); get the file again"
        ) from None


def _parse(data: bytes) -> dict[str, np.ndarray]:
    file = io.BytesIO(data)
    if _unpickle(file) != _MAGIC:
        raise ValueError("it begins with another number")
    if _unpickle(file) != _VERSION:
        raise ValueError("another version of the format")
    if _unpickle(file).get("little_endian") is not True:
        raise ValueError("it was written on a big-endian machine")
    tensors = _unpickle(file)
    if not all(isinstance(name, str) and isinstance(tensor, _Tensor) for name, tensor in tensors.items()):
        raise ValueError("it holds something else than tensors")
    stored = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    arrays = {stored[key]: _read_storage(file, stored[key]) for key in _unpickle(file)}
    if file.read(1):
        raise ValueError("bytes follow its end")
    return {name: _view(arrays[tensor.storage], tensor) for name, tensor in tensors.items()}


def _unpickle(file: io.BytesIO) -> Any:
    start = file.tell()
    # Python's unpickler allocates memory for the largest index that the pickle names.
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in ("PUT", "LONG_BINPUT") and (argument or 0) > file.tell():
            raise ValueError("an index in it is too large")
    file.seek(start)
    return _TensorUnpickler(file).load()


class _TensorUnpickler(pickle.Unpickler):
    """Builds dicts of tensors, as descriptions without their numbers, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, elements, view = pid
        if kind != "storage" or view is not None or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("it holds a storage of another kind")
        return _Storage(key, dtype, elements)

    def _tensor(self, storage: Any, offset: Any, shape: Any, strides: Any, *_gradient: Any) -> _Tensor:
        return _Tensor(storage, offset, shape, strides)


def _read_storage(file: io.BytesIO, storage: _Storage) -> np.ndarray:
    elements = int.from_bytes(file.read(8), "little", signed=True)
    if elements != storage.elements or elements < 0:
        raise ValueError(f"storage {storage.key} has {elements} elements instead of {storage.elements}")
    return np.frombuffer(file.read(elements * storage.dtype.itemsize), storage.dtype, elements)


def _view(array: np.ndarray, tensor: _Tensor) -> np.ndarray:
    """Return the elements of ``array`` that ``tensor`` describes, once it is sure that all of them are in it."""
    _, offset, shape, strides = tensor
    numbers = (offset, *shape, *strides)
    if len(shape) != len(strides) or not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("a tensor's shape or strides are wrong")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if 0 in shape or last >= len(array):
        raise ValueError("a tensor is empty or ends beyond its storage")
    steps = [stride * array.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(array[offset:], shape, steps, writeable=False)
