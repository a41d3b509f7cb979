"""What made a model, from archive to metric: ``python -m scenes.provenance.lineage <model>`` prints it.

The chain comes from dvc.lock, the rest from provenance.json in the model's folder; both are held against the files that
are there. Exit status 1 if something disagrees or is missing.
"""

import json
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from scenes.common.checksum import file_hash
from scenes.common.errors import InputError, exit_on_input_error
from scenes.provenance import dvc_lock, record

_FILES = {"archive_sha256": "data/raw/archive.zip", "split_sha256": "data/split.csv"}
_OWN = ("data_params", "inputs", "params")  # what else is a mapping is another thing's provenance
_SHOWN = 6  # things of one stage that disagree


def ends(stages: Mapping[str, Mapping], model: str) -> tuple[str, str]:
    """Return the names of the stages that write ``models/<model>`` and the :func:`metrics` of it.

    Args:
        model: a folder in models/, such as ``baseline`` or ``multilabel/baseline``.

    Raises:
        InputError: no stage in the lock writes them.
    """
    makers = {out: name for name, stage in stages.items() for out in dvc_lock.files(stage, "outs")}
    folders = [out.removeprefix("models/") for out in makers if out.startswith("models/")]
    known = [name for name in sorted(folders) if metrics(name) in makers]
    if model in known:
        return makers[f"models/{model}"], makers[metrics(model)]
    raise InputError(f"dvc.lock has no model {model!r}; it has {', '.join(known) or 'none, run `dvc repro`'}")


def metrics(model: str) -> str:
    """Return the path of the scores of a model; those of its second output, ``multilabel/<model>``, are among them."""
    return f"metrics/{PurePosixPath(model).name}.json"


def chain(stages: Mapping[str, Mapping], *names: str) -> str:
    """Return in words the stages ``names`` and all before them, each with what it was run with and what came out."""
    lines = ["By dvc.lock, with the first digits of each md5:", ""]
    for name in dvc_lock.chain(stages, *names):
        stage = stages[name]
        deps, outs = dvc_lock.files(stage, "deps"), dvc_lock.files(stage, "outs")
        lines.append(name)
        for path, entry in sorted(deps.items(), key=lambda dep: dvc_lock.is_code(stages, dep[0])):
            lines.append(f"  {'code' if dvc_lock.is_code(stages, path) else 'from':8}{_short(entry)}  {path}")
        values = [f"{key}={json.dumps(value, default=str)}" for key, value in sorted(dvc_lock.params(stage).items())]
        lines += _wrapped("params", values)
        lines += [f"  gives   {_short(entry)}  {path}" for path, entry in outs.items()]
    return "\n".join(lines)


def _short(entry: Mapping) -> str:
    """Return the first digits of a file's or folder's hash, whatever it is called."""
    return str(entry.get(entry.get("hash", "md5"), "none"))[:8].ljust(8)


def _wrapped(title: str, items: list[str]) -> list[str]:
    """Return ``items`` in lines of some 120 characters, none of them broken."""
    if not items:
        return []
    # A space within an item is no place to break the line.
    whole = " ".join(item.replace(" ", "\0") for item in items)
    indent = " " * 10
    lines = textwrap.wrap(
        whole, 120, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return [f"  {title:8}{lines[0].strip()}".replace("\0", " "), *(line.replace("\0", " ") for line in lines[1:])]


def described(found: Mapping, title: str) -> str:
    """Return in words what a provenance.json says, see ``scenes.provenance.record.save``; what it does not say is left out."""
    lines = [title]
    lines += [f"  {key.removesuffix('_sha256'):8}{found[key]}" for key in (*_FILES, "code_sha256") if key in found]
    lines += _facts("data", found.get("data_params", {}))
    lines += [f"  {'from':8}{digest}  {path}" for path, digest in found.get("inputs", {}).items()]
    lines += _facts("params", found["params"])
    lines += [line for name, part in _parts(found).items() if "params" not in part for line in _facts(name, part)]
    made = {name: part for name, part in _parts(found).items() if "params" in part}
    return "\n".join([*lines, *(described(part, f"{title}: {name}") for name, part in made.items())])


def _parts(found: Mapping) -> dict[str, Mapping]:
    """Return what a provenance says of that which its folder was made from, by name."""
    return {name: part for name, part in found.items() if isinstance(part, dict) and name not in _OWN}


def _inputs(found: Mapping) -> set[tuple[str, str]]:
    """Return the folders that a provenance and its parts name, with their hashes."""
    return set(found.get("inputs", {}).items()).union(*map(_inputs, _parts(found).values()))


def _facts(title: str, tree: Mapping) -> list[str]:
    return _wrapped(title, [f"{key}={value}" for key, value in _flat(tree).items()])


def _flat(tree: Mapping, prefix: str = "") -> dict[str, str]:
    found = {}
    for key, value in tree.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": json.dumps(value)}
    return found


def scores(path: str | Path) -> str:
    """Return the figures on the first level of a metrics file; all of them if none stands there."""
    figures = json.loads(Path(path).read_text(encoding="utf-8"))
    first = {key: value for key, value in figures.items() if not isinstance(value, dict)}
    return "\n".join([PurePosixPath(path).as_posix(), *_facts("scores", first or figures)])


def changed(root: str | Path, stage: str) -> dict[str, dict[str, str]]:
    """Return what in the workspace is not what dvc.lock says, for ``stage`` and all before it, as ``dvc status`` does.

    Returns:
        By stage, what differs (a path, a parameter or ``command``) and how, such as ``modified`` or ``deleted``.

    Raises:
        InputError: DVC can't tell.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(root) as repo:
            status = repo.status(targets=[stage], with_deps=True)
    except DvcException as error:
        raise InputError(f"DVC can't compare the workspace with dvc.lock: {' '.join(str(error).split())}") from None
    found = {}
    for name, parts in status.items():
        # DVC puts the way to dvc.yaml before the name where that is not the current folder.
        differs = found.setdefault(name.rpartition(":")[2], {})
        for part in parts:
            if isinstance(part, str):  # "changed command"
                differs["command"] = part.removeprefix("changed ")
                continue
            for entries in part.values():  # of "changed deps" or "changed outs"; a file of parameters has them by key
                for path, state in entries.items():
                    differs |= state if isinstance(state, dict) else {path: state}
    return found


def contradicted(root: str | Path, found: Mapping, stage: Mapping) -> list[str]:
    """Return what has another hash than provenance.json says; what is not there is not asked.

    Args:
        found: what ``scenes.provenance.record.read`` returns.
        stage: of dvc.lock, the one that wrote it.
    """
    root = Path(root)
    asked = _FILES.items() | {
        ("code_sha256", path) for path in dvc_lock.files(stage, "deps") if path.startswith("code/")
    }
    problems = [path for key, path in sorted(asked) if (root / path).is_file() and file_hash(root / path) != found[key]]
    problems += [
        path
        for path, digest in sorted(_inputs(found))
        if (root / path).is_dir() and record.folder_hash(root / path) != digest
    ]
    return problems


def main(root: Path, model: str) -> int:
    """Print what made ``model``; return the exit status."""
    stages = dvc_lock.read(root / "dvc.lock")
    made, scored = ends(stages, model)
    print(f"{chain(stages, made, scored)}\n")
    folder, figures = f"models/{model}", metrics(model)
    said = record.read(root / folder)
    print(f"{described(said, f'{folder}/{record.NAME}')}\n")
    differs = changed(root, scored)
    absent = {
        path
        for entries in differs.values()
        for path, state in entries.items()
        if state == "deleted" and dvc_lock.written(stages, path)
    }
    problems = []
    for name, entries in differs.items():
        listed = [f"{path} ({state})" for path, state in entries.items() if path not in absent]
        more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        if listed:
            problems.append(f"not as dvc.lock has it: {name}: {', '.join(listed[:_SHOWN])}{more}")
    wrong = contradicted(root, said, stages[made])
    problems += [f"not what {folder}/{record.NAME} names: {name}" for name in wrong]
    if (root / figures).is_file():
        print(f"{scores(root / figures)}\n")
    if absent:
        print(f"not here, so not compared: {', '.join(sorted(absent))}")
    print("\n".join(problems) or "all that is here is what dvc.lock and provenance.json say")
    return 1 if problems else 0


if __name__ == "__main__":
    with exit_on_input_error():
        if len(sys.argv) != 2:
            raise InputError("name one model, such as `make provenance MODEL=baseline`")
        raise SystemExit(main(Path(), sys.argv[1]))
