"""What a model was made from: provenance.json in its folder, without times, hosts or paths of a machine."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scenes.common.outputs import sums, write_sums
from scenes.common.tables import read_json, write_json

NAME = "provenance.json"
ORIGIN = ("archive_sha256", "split_sha256", "data_params")


def origin(data: str | Path) -> dict[str, Any]:
    """Return what the stage ``records`` wrote into ``data`` about the origin of the records: the keys of ``ORIGIN``.

    ``archive_sha256`` is a text for one archive, a list of texts for several.
    """
    return read_json(Path(data) / "origin.json")


def save(
    folder: str | Path,
    *,
    inputs: Iterable[str | Path],
    params: Mapping[str, Any],
    code: str,
    origin: Mapping[str, Any] | None = None,
    **parts: Mapping[str, Any],
) -> None:
    """Write provenance.json, and the hashes of all files, into an existing folder with all its other files in place.

    The versions of Python and of the libraries are left out, so that another version which computes the same result
    changes nothing downstream. The requirements files of the commit name them.

    Args:
        inputs: the folders that the content of ``folder`` was made from.
        params: the parameters that were read from params.yaml, by dotted keys; ``profile`` is the block of the profile.
        code: the digest of the code that made it, see :func:`scenes.provenance.code.digest`.
        origin: a mapping with the keys of ``ORIGIN``; its other keys are ignored, so another provenance.json can be
            passed. None if the result depends on the records alone, wherever they come from.
        parts: by name, the provenance of what the content was made from, such as a model.
    """
    description = {
        **({} if origin is None else {key: origin[key] for key in ORIGIN}),
        "inputs": {Path(path).as_posix(): folder_hash(path) for path in inputs},
        "params": params,
        "code_sha256": code,
        **parts,
    }
    write(folder, description)


def write(folder: str | Path, description: Mapping[str, Any]) -> None:
    """Do the same with this ``description`` where nothing was computed; otherwise call :func:`save`."""
    write_json(Path(folder) / NAME, description)
    write_sums(folder)


def read(folder: str | Path) -> dict[str, Any]:
    """Return the provenance.json in ``folder``.

    Raises:
        InputError: the file is missing or damaged.
    """
    return read_json(Path(folder) / NAME)


def folder_hash(folder: str | Path) -> str:
    """Return the sha256 over the names and contents of all files in ``folder``, that of its SHA256SUMS."""
    return hashlib.sha256(sums(folder).encode()).hexdigest()
