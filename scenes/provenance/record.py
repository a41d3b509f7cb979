"""What made a model: provenance.json in its folder, in which no time, host or path of a machine stands."""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from scenes.common.checksum import file_hash
from scenes.common.errors import InputError
from scenes.provenance.fingerprint import ROOT, libraries, loaded_code

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
    origin: Mapping | None = None,
    others: Iterable[str] = (),
    **parts: Mapping,
) -> None:
    """Write provenance.json into an existing folder.

    Args:
        inputs: the folders that its content was made from.
        params: what was read of params.yaml, by dotted keys; ``profile`` stands for the block of the chosen profile.
        origin: has the keys of ``ORIGIN``; others are left out, so that another provenance will do. None: the records
            alone count, wherever they come from.
        others: libraries beside those of ``scenes.provenance.fingerprint.LIBRARIES`` that the content depends on.
        parts: by name, what is known of that which this was made from, the provenance of a model for example.

    The code is that of the project's modules that are imported at this moment: call it after all imports.
    """
    description = {
        **({} if origin is None else {key: origin[key] for key in ORIGIN}),
        "inputs": {Path(path).as_posix(): folder_hash(path) for path in inputs},
        "params": params,
        "code_sha256": code_hash(loaded_code(), ROOT),
        "libraries": libraries(*others),
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


def code_hash(files: Iterable[str | Path], root: str | Path) -> str:
    """Return a sha256 that changes with what Python files do, but not with their comments, docstrings and layout.

    So a remark in the code leaves a model as it is, and DVC has nothing to run behind it. A file with nothing but a
    docstring, such as a package's, counts for nothing.

    Args:
        files: of Python, in ``root`` or below; their names relative to it count.
    """
    digest = hashlib.sha256()
    for name, path in sorted((Path(path).relative_to(root).as_posix(), Path(path)) for path in files):
        tree = ast.parse(path.read_bytes(), path)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
                ast.get_docstring(node, clean=False) is not None
            ):
                del node.body[0]
            if isinstance(node, ast.JoinedStr):  # some releases of Python 3.12 put empty texts into it
                node.values = [value for value in node.values if getattr(value, "value", None) != ""]
        if tree.body:
            digest.update(f"{name} {_structure(tree)}\n".encode())
    return digest.hexdigest()


def _structure(node) -> str:
    """Return a syntax tree as text; ``ast.dump`` writes the same tree in other ways from version to version."""
    if isinstance(node, ast.AST):
        # What is absent is left out, as later versions have fields that earlier ones lack.
        fields = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(f'{name}={_structure(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_structure, node))}]"
    return repr(node)
