"""A hash of everything that determines a result: data, settings, code, libraries, devices."""

import hashlib
import json
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from scenes.common.checksum import file_hash

# Whose arithmetic the result comes from, and what decodes the images: Pillow for the records, simplejpeg from them. And
# h5py, which writes the weights.
LIBRARIES = ("keras", "tensorflow", "numpy", "scipy", "scikit-learn", "pillow", "simplejpeg", "h5py")


def fingerprint(inputs: Iterable[str | Path], settings: dict, code: str) -> str:
    """Return 64 hexadecimal digits that change with anything that may change a training.

    Args:
        inputs: files and folders that are read; names and contents count, dates do not.
        settings: what JSON can hold.
        code: the digest of the code that trains, see :func:`scenes.provenance.code.digest`; a remark does not change it.
    """
    digest = hashlib.sha256()
    facts = {
        "settings": settings,
        "code": code,
        "libraries": _libraries(),
        "devices": _devices(),
    }
    digest.update(json.dumps(facts, sort_keys=True).encode())
    for path in _files(inputs):
        digest.update(f"\n{path.as_posix()} {file_hash(path)}".encode())
    return digest.hexdigest()


def _files(inputs: Iterable[str | Path]) -> list[Path]:
    found = []
    for path in map(Path, inputs):
        found += sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    return found


def _libraries() -> dict[str, str]:
    """Return the versions of Python (major and minor) and of ``LIBRARIES``, by name."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, **{name: version(name) for name in LIBRARIES}}


def _devices() -> list[str]:
    """Return the kinds of devices that compute, GPUs by their names."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.device_type) for gpu in gpus]
