"""What made a model: provenance.json in its folder, in which no time, host or path of a machine stands."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from scenes.common.checksum import file_hash
from scenes.common.errors import InputError

NAME = "provenance.json"
ORIGIN = ("archive_sha256", "split_sha256", "data_params")


def origin(data: str | Path) -> dict:
    """Return what the stage ``records`` says in ``data`` of the records there: the keys of ``ORIGIN``."""
    return json.loads((Path(data) / "origin.json").read_text(encoding="utf-8"))


def save(
    folder: str | Path,
    *,
    inputs: Iterable[str | Path],
    params: Mapping,
    code: str,
    origin: Mapping | None = None,
    **parts: Mapping,
) -> None:
    """Write provenance.json into an existing folder.

    Args:
        inputs: the folders that its content was made from.
        params: what was read of params.yaml, by dotted keys; ``profile`` stands for the block of the chosen profile.
        code: the digest of the code that made it, see :func:`scenes.provenance.code.digest`.
        origin: has the keys of ``ORIGIN``; others are left out, so that another provenance will do. None: the records
            alone count, wherever they come from.
        parts: by name, what is known of that which this was made from, the provenance of a model for example.

    The versions of Python and the libraries are not in it, so that another one which computes the same changes nothing
    behind it. The requirements files of the commit name them.
    """
    description = {
        **({} if origin is None else {key: origin[key] for key in ORIGIN}),
        "inputs": {Path(path).as_posix(): folder_hash(path) for path in inputs},
        "params": params,
        "code_sha256": code,
        **parts,
    }
    write(folder, description)


def write(folder: str | Path, description: Mapping) -> None:
    """Write ``description`` as provenance.json into an existing folder; :func:`save` does, or who computed nothing."""
    text = json.dumps(description, indent=2, sort_keys=True)
    (Path(folder) / NAME).write_text(text + "\n", encoding="utf-8")


def read(folder: str | Path) -> dict:
    """Return what :func:`save` or :func:`write` wrote into ``folder``.

    Raises:
        InputError: there is no such file, or it is not JSON.
    """
    path = Path(folder) / NAME
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is not there; fetch it with `dvc pull` or make it with `dvc repro`") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); get it again with `dvc checkout --force`") from None


def folder_hash(folder: str | Path) -> str:
    """Return the sha256 over the names and contents of all files in ``folder``."""
    folder = Path(folder)
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    lines = [f"{file_hash(path)}  {name}\n" for name, path in sorted(files.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
