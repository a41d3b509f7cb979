"""Getting a backbone's weights: the official ImageNet file, a local file, or seeded random numbers."""

import shutil
from pathlib import Path

from scenes.common.checksum import check_file, file_hash
from scenes.common.errors import InputError
from scenes.common.tables import write_json
from scenes.models import backbone

# Random weights are a baseline to compare with. Their seed is fixed, so that another seed of the experiment changes
# neither them nor anything computed with them.
RANDOM_SEED = 0
IMAGE_SIZE = 224  # pixels a side of the network built here; its weights do not depend on it


def acquire(folder: str | Path, name: str, source: str, *, sha256: str | None, partial: str | Path) -> None:
    """Write the weights of backbone ``name`` and backbone.json into an existing, empty ``folder``.

    Args:
        name: a key of ``scenes.models.backbone.IMAGENET_MD5``.
        source: ``imagenet``, ``random`` or ``file:<path>`` of an .h5 or .weights.h5 file.
        sha256: expected hash of a ``file:``, hex digits; None: not checked.
        partial: folder that keeps an unfinished download.

    Raises:
        InputError: the file is missing, has the wrong hash or is not the weights of this backbone, or the download
            failed.
    """
    import keras

    folder = Path(folder)
    if source == "random":
        keras.utils.clear_session()  # the file holds names of layers, which Keras numbers per session
        keras.utils.set_random_seed(RANDOM_SEED)
        network = backbone.build(name, IMAGE_SIZE)
        file = folder / "backbone.weights.h5"
        network.save_weights(file)
    else:
        original = _download(name, Path(partial)) if source == "imagenet" else _local_file(source)
        file = folder / ("backbone.weights.h5" if original.name.endswith(".weights.h5") else "backbone.h5")
        shutil.copyfile(original, file)
        check_file(file, f"weights: {source}", expected_sha256=sha256)
        _check_fits(file, name, source)
    digest = file_hash(file)
    if source.startswith("file:") and not sha256:
        print(f"to pin these weights: weights_sha256: {digest}")
    description = {"backbone": name, "weights": source.split(":")[0], "file": file.name, "sha256": digest}
    write_json(folder / backbone.DESCRIPTION, description)


def _download(name: str, partial: Path) -> Path:
    from scenes.download.http import fetch

    url = backbone.imagenet_url(name)
    target = partial / url.rpartition("/")[2]
    fetch(url, target, expected_md5=backbone.IMAGENET_MD5[name])
    return target


def _local_file(source: str) -> Path:
    path = Path(source.removeprefix("file:")).expanduser()
    if not path.is_file():
        raise InputError(f"weights: there is no file {path}; give the path of an .h5 or .weights.h5 file")
    if path.suffix != ".h5":
        raise InputError(f"weights: {path} is not an .h5 or .weights.h5 file; give one that Keras wrote")
    return path


def _check_fits(file: Path, name: str, source: str) -> None:
    """Load the file once, so that a wrong one is reported before any features are computed."""
    try:
        backbone.build(name, IMAGE_SIZE).load_weights(file)
    except Exception as error:  # h5py, Keras and NumPy each raise their own for a truncated or foreign file
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"weights: {source} does not hold the weights of {name} without a top ({reason})") from None
