"""The key of an interrupted training's state: a hash of its data, settings, code, libraries and devices."""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scenes.common.checksum import file_hash
from scenes.common.files import visible
from scenes.dataset.batch_shares import ONE_DEVICE, Devices
from scenes.process.runtime import gpu_names, keras_backend

# Libraries whose version can change a result: the numerics, the image decoders, and h5py (weights file).
LIBRARIES = ("keras", "tensorflow", "numpy", "scipy", "scikit-learn", "pillow", "simplejpeg", "h5py")


def state_key(
    inputs: Iterable[str | Path], settings: Mapping[str, Any], code: str, devices: Devices = ONE_DEVICE
) -> str:
    """Return 64 hexadecimal digits that change with everything that can change the result of a training.

    Args:
        inputs: the files and folders that it reads; names and contents count, dates do not.
        settings: JSON values.
        code: the digest of the code that trains, see :func:`scenes.provenance.code.digest`.
        devices: how many train together; which of the processes this is does not count.
    """
    facts = {
        "settings": settings,
        "code": code,
        "backend": keras_backend(),
        "libraries": _libraries(),
        "devices": [devices.count, devices.processes, gpu_names()],
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for path in _files(inputs):
        digest.update(f"\n{path.as_posix()} {file_hash(path)}".encode())
    return digest.hexdigest()


def _files(inputs: Iterable[str | Path]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, inputs):
        files += [item for item in visible(path, "**/*") if item.is_file()] if path.is_dir() else [path]
    return files


def _libraries() -> dict[str, str]:
    """Return the versions of Python (major and minor), ``LIBRARIES`` and the backend, by name."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, **{name: version(name) for name in {*LIBRARIES, keras_backend()}}}
