"""What stages have written, as others read it: compared with hashes of that time, and refused in one sentence.

A folder has the hashes of its files in SHA256SUMS, as ``sha256sum --check`` reads them, wherever it is copied to. Those
of single files are in dvc.lock.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scenes.common.checksum import file_hash
from scenes.common.errors import InputError
from scenes.common.files import visible

SUMS = "SHA256SUMS"
_LOCK = "dvc.lock"


def sums(folder: str | Path) -> str:
    """Return the text of SHA256SUMS: the hash and the name of each file in ``folder`` or deeper, sorted by name."""
    hashes = {name: file_hash(path) for name, path in _files(folder) if name != SUMS}
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))


def write_sums(folder: str | Path) -> None:
    """Write SHA256SUMS into a folder with all its files in place."""
    (Path(folder) / SUMS).write_text(sums(folder), encoding="utf-8", newline="\n")


def recorded(folder: str | Path) -> dict[str, str]:
    """Return the hashes in SHA256SUMS by the names of the files; none if it is not there."""
    pairs = (line.partition("  ")[::2] for line in _lines(Path(folder)) or ())
    return {name: digest for digest, name in pairs}


def earlier(out: str | Path) -> dict[str, Path]:
    """Return the files of an output of a stage's last run, by their names in it; a single file by its own name.

    They are in their place or, because DVC removes the outputs of a stage before it runs it, in DVC's cache, by
    dvc.lock. Some may be damaged.
    """
    path = Path(out).absolute()
    if path.exists():
        return dict(_files(path)) if path.is_dir() else {path.name: path}
    root = _root(path)
    outs = {root / out: md5 for stage in _stages(root / _LOCK).values() for out, md5 in stage.outs.items()}
    md5 = outs.get(path) or ""
    objects = _objects(root, md5) if md5 else {}
    files = {name: file for name, (_, file) in objects.items() if file.is_file()}
    whole = files.pop("", None)
    return {path.name: whole} if whole and not md5.endswith(".dir") else files


def checked(path: str | Path, sha256: str | None = None) -> Path:
    """Return ``path`` if the file is there, and is as it was written.

    Args:
        path: the file.
        sha256: its hash; None: that in the SHA256SUMS beside it, if there is one.

    Raises:
        InputError: the file is missing or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise _missing(path)
    if sha256 is None:
        lines = _lines(path.parent)
        sound = lines is None or f"{file_hash(path)}  {path.name}" in lines
    else:
        sound = file_hash(path) == sha256
    if not sound:
        raise damaged(path)
    return path


def damaged(path: str | Path, why: str = "") -> InputError:
    """Return the error about a file or folder that is not as a stage wrote it.

    So that the command in it does mend the file, :func:`_let_dvc_see` it.

    Args:
        path: the file or folder.
        why: what is wrong with it, if that is known.
    """
    path = Path(path)
    _let_dvc_see(path)
    reason = f" ({why})" if why else ""
    return InputError(f"{path} is damaged{reason}; make it again with `{_repro(path)}`")


def check_inputs(command: str) -> None:
    """Compare what the stage that runs ``command`` will read with what other stages wrote, according to dvc.lock.

    Files in a folder with a SHA256SUMS are compared when they are read; here, only missing ones are found.

    Raises:
        InputError: a file or folder differs, or is missing.
    """
    stages = _stages(Path(_LOCK))
    reads = [dep for stage in stages.values() if stage.command == command for dep in stage.deps]
    written = {out for stage in stages.values() for out in stage.outs}
    for read in reads if "DVC_STAGE" not in os.environ else ():  # DVC itself looks before it runs a stage
        if read in written and not Path(read).exists():
            raise _missing(Path(read))
    for stage in stages.values():
        for out, md5 in stage.outs.items():
            path = Path(out)
            if not path.exists() or not any(path.is_relative_to(read) for read in reads):
                continue
            lines = _lines(path)
            for line in lines or ():
                if not (path / line.partition("  ")[2]).is_file():
                    raise _missing(path / line.partition("  ")[2])
            if lines is None and md5 and _md5(path) != md5:
                _let_dvc_see(path)
                repro = _repro(path)
                raise InputError(
                    f"{path} is not what dvc.lock names; make it again with `{repro}`, or accept what you made by "
                    f"hand with `{repro.replace('repro', 'commit --force', 1)}`"
                )


def _let_dvc_see(path: Path) -> None:
    """Make DVC notice that a file or folder is not as a stage wrote it.

    DVC takes a file for sound while its size and date are those it knows: it gets the date of today. And DVC takes an
    object of its cache for sound while it is read-only: if the disk damaged that, too, it is removed.
    """
    for each in (path, path.with_name(SUMS), *visible(path, "**/*")):
        with contextlib.suppress(OSError):  # missing, or in a folder that can only be read
            os.utime(each)
    remove_damaged_objects(path)


def remove_damaged_objects(path: str | Path) -> None:
    """Remove what is damaged of an output from DVC's cache: files whose content is not what their name says.

    Args:
        path: the output, or a file in it.
    """
    path = Path(path).absolute()
    root = _root(path)
    hashes = [
        md5
        for stage in _stages(root / _LOCK).values()
        for out, md5 in stage.outs.items()
        if md5 and path.is_relative_to(root / out)
    ]
    for md5 in hashes:
        for each, file in _objects(root, md5).values():
            with contextlib.suppress(OSError):
                if file.is_file() and file_hash(file, "md5") != each.removesuffix(".dir"):
                    file.unlink()


def _objects(root: Path, md5: str) -> dict[str, tuple[str, Path]]:
    """Return the objects of an output in DVC's cache, hash and path, by their names in it; '' is the output itself."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    objects = {}
    with contextlib.suppress(DvcException, OSError), Repo(os.fspath(root)) as repo:
        objects[""] = md5, Path(repo.cache.local.oid_to_path(md5))
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a listing that is damaged itself
            for entry in json.loads(objects[""][1].read_bytes()) if md5.endswith(".dir") else ():
                objects[entry["relpath"]] = entry["md5"], Path(repo.cache.local.oid_to_path(entry["md5"]))
    return objects


def _missing(path: Path) -> InputError:
    return InputError(f"{path} is missing; make it with `{_repro(path)}` or fetch it with `dvc pull`")


def _lines(folder: Path) -> list[str] | None:
    """Return the lines of SHA256SUMS in ``folder``; None if it is not there."""
    path = folder / SUMS
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else None


def _md5(path: Path) -> str:
    """Return the hash of a file or folder as DVC writes it into dvc.lock."""
    if path.is_file():
        return file_hash(path, "md5")
    tree = [{"md5": file_hash(each, "md5"), "relpath": name} for name, each in _files(path)]
    text = json.dumps(sorted(tree, key=lambda entry: entry["relpath"]), sort_keys=True)
    return f"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}.dir"


def _files(folder: str | Path) -> Iterator[tuple[str, Path]]:
    for path in visible(folder, "**/*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _repro(path: Path) -> str:
    """Return the command that makes ``path`` again: with the stage that writes it, if the dvc.lock above names one."""
    path = path.absolute()
    root = _root(path)
    for name, stage in _stages(root / _LOCK).items():
        if any(path.is_relative_to(root / out) for out in stage.outs):
            return f"dvc repro {name}"
    return "dvc repro"


def _root(path: Path) -> Path:
    """Return the nearest folder above an absolute path that has a dvc.lock, or the path itself."""
    return next((folder for folder in path.parents if (folder / _LOCK).is_file()), path)


class _Stage(NamedTuple):
    """An entry of dvc.lock. The hash of an output is its md5, if DVC has one."""

    command: str | list[str]
    deps: list[str]
    outs: dict[str, str | None]


def _stages(lock: Path) -> dict[str, _Stage]:
    """Return the stages of dvc.yaml that dvc.lock has, by name; none if one of the two is missing or damaged.

    DVC itself reports that. It leaves the entries of stages that are gone in dvc.lock.
    """
    import yaml  # here, because the stages' package can be imported with nothing installed

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        described = yaml.load(lock.with_name("dvc.yaml").read_bytes(), loader)["stages"]
        stages = yaml.load(lock.read_bytes(), loader)["stages"] or {}
        return {
            name: _Stage(
                stage["cmd"],
                [dep["path"] for dep in stage.get("deps", [])],
                {out["path"]: out["md5"] if out.get("hash") == "md5" else None for out in stage.get("outs", [])},
            )
            for name, stage in stages.items()
            if name.partition("@")[0] in described
        }
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError):
        return {}
