"""Getting a backbone's weights: the official ImageNet file, a file at hand, or a seeded draw."""

import json
import shutil
from pathlib import Path

from scenes.common.checksum import check_file, file_hash
from scenes.common.errors import InputError
from scenes.models import backbone

# Random weights are a floor to compare with, so they are one fixed draw: another seed of the experiment
# leaves them, and all that is computed with them, as they are.
RANDOM_SEED = 0
# Pixels a side that the network is built for here; its weights are the same at any size.
IMAGE_SIZE = 224


def acquire(folder: str | Path, name: str, source: str, *, sha256: str | None, partial: str | Path) -> None:
    """Write the weights of backbone ``name`` and backbone.json into an existing, empty ``folder``.

    Args:
        name: a key of ``scenes.models.backbone.IMAGENET_MD5``.
        source: ``imagenet``, ``random`` or ``file:<path>`` of an .h5 or .weights.h5 file.
        sha256: expected hash of a ``file:``, hex digits; None: not checked.
        partial: folder where an interrupted download waits to be continued.

    Raises:
        InputError: no such file, wrong hash, not the weights of this backbone, or the download failed.
    """
    import keras

    folder = Path(folder)
    if source == "random":
        keras.utils.clear_session()  # names of layers, counted on from earlier ones, stand in the file
        keras.utils.set_random_seed(RANDOM_SEED)
        network = backbone.build(name, IMAGE_SIZE)
        file = folder / "backbone.weights.h5"
        network.save_weights(file)
    else:
        given = _download(name, Path(partial)) if source == "imagenet" else _given(source)
        file = folder / ("backbone.weights.h5" if given.name.endswith(".weights.h5") else "backbone.h5")
        shutil.copyfile(given, file)
        check_file(file, f"weights: {source}", expected_sha256=sha256)
        _check_fits(file, name, source)
    digest = file_hash(file)
    if source.startswith("file:") and not sha256:
        print(f"to pin these weights: weights_sha256: {digest}")
    description = {"backbone": name, "weights": source.split(":")[0], "file": file.name, "sha256": digest}
    (folder / "backbone.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _download(name: str, partial: Path) -> Path:
    from scenes.download.http import fetch

    url = backbone.imagenet_url(name)
    target = partial / url.rpartition("/")[2]
    fetch(url, target, expected_md5=backbone.IMAGENET_MD5[name])
    return target


def _given(source: str) -> Path:
    path = Path(source.removeprefix("file:")).expanduser()
    if not path.is_file():
        raise InputError(f"weights: there is no file {path}; give the path of an .h5 or .weights.h5 file")
    if path.suffix != ".h5":
        raise InputError(f"weights: {path} is not an .h5 or .weights.h5 file as Keras writes them")
    return path


def _check_fits(file: Path, name: str, source: str) -> None:
    """Load the file once, here, so that a wrong one is found before any image is embedded."""
    try:
        backbone.build(name, IMAGE_SIZE).load_weights(file)
    except Exception as error:  # h5py, Keras and NumPy each have their own for a truncated or foreign file
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"weights: {source} does not hold the weights of {name} without a top ({reason})") from None
