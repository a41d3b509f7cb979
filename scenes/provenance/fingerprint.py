"""A hash of everything that determines a result: data, settings, code, libraries, devices."""

import hashlib
import json
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Whose arithmetic the result comes from, and what decodes the images: Pillow for the records, simplejpeg from them. And
# h5py, which writes the weights.
LIBRARIES = ("keras", "tensorflow", "numpy", "scipy", "scikit-learn", "pillow", "simplejpeg", "h5py")


def fingerprint(inputs: Iterable[str | Path], settings: dict) -> str:
    """Return 64 hexadecimal digits that change with anything that may change a training.

    Args:
        inputs: files and folders that are read; names and contents count, dates do not.
        settings: what JSON can hold.

    The code is that of the project's modules that are imported at this moment: call it after all imports.
    """
    digest = hashlib.sha256()
    facts = {
        "settings": settings,
        "libraries": libraries(),
        "devices": _devices(),
    }
    digest.update(json.dumps(facts, sort_keys=True).encode())
    for path in loaded_code():
        _add(digest, path.relative_to(ROOT), path)
    for path in _files(inputs):
        _add(digest, path, path)
    return digest.hexdigest()


def _add(digest, name: Path, path: Path) -> None:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    digest.update(f"\n{name.as_posix()} {content}".encode())


def _files(inputs: Iterable[str | Path]) -> list[Path]:
    found = []
    for path in map(Path, inputs):
        found += sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    return found


def libraries(*more: str) -> dict[str, str]:
    """Return the versions of Python (major and minor), of ``LIBRARIES`` and of ``more``, by name."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, **{name: version(name) for name in (*LIBRARIES, *more)}}


def loaded_code() -> list[Path]:
    """Return the files of the loaded modules of this project, the stage that runs among them, sorted."""
    loaded = {Path(module.__file__).resolve() for module in list(sys.modules.values()) if _has_file(module)}
    own = {path for path in loaded if path.parent in (ROOT / "scenes", ROOT / "stages")}
    return sorted(own)


def _has_file(module) -> bool:
    return isinstance(getattr(module, "__file__", None), str)


def _devices() -> list[str]:
    """Return the kinds of devices that compute, GPUs by their names."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.device_type) for gpu in gpus]
