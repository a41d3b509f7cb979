"""What made a model, as text: the stages in dvc.lock, the model's provenance.json, and where the files disagree."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from scenes.common.archives import as_list
from scenes.common.checksum import file_hash
from scenes.common.errors import InputError
from scenes.common.tables import flatten, read_json
from scenes.provenance import dvc_lock, record

_HASHES = ("archive_sha256", "split_sha256", "code_sha256")
_OWN = ("data_params", "inputs", "params")  # keys of the record itself; any other mapping is a nested record


def format_chain(stages: Mapping[str, Mapping], *names: str) -> str:
    """Return the stages ``names`` and all before them as text: what each was run with and what it wrote.

    Args:
        stages: see :func:`scenes.provenance.dvc_lock.read`.
    """
    lines = ["From dvc.lock, with the first digits of each md5:", ""]
    for name in dvc_lock.chain(stages, *names):
        stage = stages[name]
        deps, outs = dvc_lock.files(stage, "deps"), dvc_lock.files(stage, "outs")
        lines.append(name)
        for path, entry in sorted(deps.items(), key=lambda dep: dvc_lock.is_code(stages, dep[0])):
            lines.append(f"  {'code' if dvc_lock.is_code(stages, path) else 'from':8}{_short_hash(entry)}  {path}")
        values = [f"{key}={json.dumps(value, default=str)}" for key, value in sorted(dvc_lock.params(stage).items())]
        lines += _wrap("params", values)
        lines += [f"  gives   {_short_hash(entry)}  {path}" for path, entry in outs.items()]
    return "\n".join(lines)


def _short_hash(entry: Mapping[str, Any]) -> str:
    """Return the first digits of the hash of a file or folder, whatever the kind of hash."""
    return str(entry.get(entry.get("hash", "md5"), "none"))[:8].ljust(8)


def _wrap(title: str, items: list[str]) -> list[str]:
    """Return ``items`` in lines of about 120 characters; no item is broken."""
    if not items:
        return []
    # A line must not break at a space within an item.
    joined = " ".join(item.replace(" ", "\0") for item in items)
    indent = " " * 10
    lines = textwrap.wrap(
        joined, 120, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return [f"  {title:8}{lines[0].strip()}".replace("\0", " "), *(line.replace("\0", " ") for line in lines[1:])]


def format_record(description: Mapping[str, Any], title: str) -> str:
    """Return a provenance.json as text, with the records that it contains; keys that it lacks are left out.

    Args:
        description: see :func:`scenes.provenance.record.read`.
    """
    lines = [title]
    for key in _HASHES:
        lines += [f"  {key.removesuffix('_sha256'):8}{each}" for each in as_list(description.get(key, []))]
    lines += _format_facts("data", description.get("data_params", {}))
    lines += [f"  {'from':8}{digest}  {path}" for path, digest in description.get("inputs", {}).items()]
    lines += _format_facts("params", description["params"])
    parts = _parts(description)
    for name, part in parts.items():
        if "params" not in part:
            lines += _format_facts(name, part)
    records = [format_record(part, f"{title}: {name}") for name, part in parts.items() if "params" in part]
    return "\n".join([*lines, *records])


def _parts(description: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return, by name, the records of what a folder was made from."""
    return {name: part for name, part in description.items() if isinstance(part, dict) and name not in _OWN}


def _format_facts(title: str, tree: Mapping[str, Any]) -> list[str]:
    return _wrap(title, [f"{key}={json.dumps(value)}" for key, value in flatten(tree).items()])


def format_scores(path: str | Path) -> str:
    """Return the numbers on the first level of a file of scores as text; all of them if there are none."""
    scores = read_json(path)
    first = {key: value for key, value in scores.items() if not isinstance(value, dict)}
    return "\n".join([PurePosixPath(path).as_posix(), *_format_facts("scores", first or scores)])


def changed(root: str | Path, stage: str) -> dict[str, dict[str, str]]:
    """Return how the workspace differs from dvc.lock for ``stage`` and all before it, as ``dvc status`` does.

    Returns:
        By stage, what differs (a path, a parameter or ``command``) and how, such as ``modified`` or ``deleted``.

    Raises:
        InputError: DVC cannot tell.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(root) as repo:
            status = repo.status(targets=[stage], with_deps=True)
    except DvcException as error:
        raise InputError(f"DVC can't compare the workspace with dvc.lock: {' '.join(str(error).split())}") from None
    result: dict[str, dict[str, str]] = {}
    for name, parts in status.items():
        # DVC puts the path of dvc.yaml before the name if that is not in the current folder.
        differences = result.setdefault(name.rpartition(":")[2], {})
        for part in parts:
            if isinstance(part, str):  # "changed command"
                differences["command"] = part.removeprefix("changed ")
                continue
            for entries in part.values():  # of "changed deps" or "changed outs"; for a file of parameters by key
                for path, state in entries.items():
                    differences |= state if isinstance(state, dict) else {path: state}
    return result


def contradicted(root: str | Path, description: Mapping[str, Any], files: Mapping[str, str]) -> list[str]:
    """Return the files and folders whose hash is not the one in a provenance.json. Missing ones are not checked.

    Args:
        root: the folder that all paths are relative to.
        description: see :func:`scenes.provenance.record.read`.
        files: by path, the hash of a file in it.
    """
    root = Path(root)
    wrong = [path for path, sha256 in files.items() if (root / path).is_file() and file_hash(root / path) != sha256]
    return wrong + [
        path
        for path, digest in sorted(set(_inputs(description)))
        if (root / path).is_dir() and record.folder_hash(root / path) != digest
    ]


def _inputs(description: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the folders that a record and the records in it name, each with its hash."""
    yield from description.get("inputs", {}).items()
    for part in _parts(description).values():
        yield from _inputs(part)
