"""Outputs that are complete or absent: written beside the target, then renamed; and folders read without the rest."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, overload

from scenes.common.errors import explained
from scenes.common.words import listed, nearest, show

_TEMPORARY = ".tmp-"  # a dotfile, which no reader takes, see `visible`; .dvcignore and .gitignore name it


@overload
def atomic_write(target: str | Path, /) -> AbstractContextManager[Path]: ...
@overload
def atomic_write(first: str | Path, second: str | Path, /, *more: str | Path) -> AbstractContextManager[list[Path]]: ...
@contextmanager
def atomic_write(*targets: str | Path) -> Iterator[Any]:
    """Yield a temporary path beside each target file, and rename it into place on success.

    On failure the temporary files are removed and the old targets stay.

    Args:
        targets: final paths; their parents are created.

    Yields:
        One path for one target, else a list of paths in the same order. A temporary name keeps the target's suffix,
        because Keras and matplotlib choose the format by it.
    """
    with _renamed_on_success(targets) as temporaries:
        yield temporaries[0] if len(targets) == 1 else temporaries


@overload
def atomic_dir(target: str | Path, /) -> AbstractContextManager[Path]: ...
@overload
def atomic_dir(first: str | Path, second: str | Path, /, *more: str | Path) -> AbstractContextManager[list[Path]]: ...
@contextmanager
def atomic_dir(*targets: str | Path) -> Iterator[Any]:
    """Do the same as :func:`atomic_write` for folders, which are created empty."""
    with _renamed_on_success(targets) as temporaries:
        for temporary in temporaries:
            temporary.mkdir()
        yield temporaries[0] if len(targets) == 1 else temporaries


@contextmanager
def _renamed_on_success(targets: tuple[str | Path, ...]) -> Iterator[list[Path]]:
    finals = [Path(target) for target in targets]
    temporaries = [temporary_path(final) for final in finals]
    for temporary in temporaries:
        _remove(temporary)
        temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        with explained(*finals):  # before the temporary files are removed, because a full disk is no longer full then
            yield temporaries
            for temporary, final in zip(temporaries, finals, strict=True):
                _remove(final)
                temporary.rename(final)
    finally:
        for temporary in temporaries:
            _remove(temporary)


def temporary_path(target: Path) -> Path:
    """Return the path beside ``target`` at which it is written."""
    return target.with_name(f"{_TEMPORARY}{target.name}")


def remove_leftovers(folders: Iterable[str | Path]) -> None:
    """Remove what killed processes have left at a :func:`temporary_path` in ``folders`` or deeper."""
    for folder in folders:
        for path in sorted(Path(folder).glob(f"**/{_TEMPORARY}*")):
            _remove(path)  # or nothing, if it was in one that is gone


def visible(folder: str | Path, pattern: str = "*") -> list[Path]:
    """Return the paths in ``folder`` that match, sorted, without dotfiles and what is in hidden folders.

    Those are a killed process's temporary files, or a desktop's (.DS_Store, .directory), and never a stage's output.

    Args:
        folder: may be missing: then there are none. Whether it is itself hidden does not matter.
        pattern: see :meth:`pathlib.Path.glob`, e.g. ``**/*.png``.
    """
    paths = Path(folder).glob(pattern)
    return sorted(path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def suggest_path(path: str | Path) -> str:
    """Return the end of a message on a ``path`` that does not exist: the nearest one, or what is in its folder."""
    path = Path(path).resolve()
    *_, missing = (each for each in (path, *path.parents) if not each.exists())  # the first folder that is not there
    folder = missing.parent
    try:
        names = sorted({each.name for each in folder.iterdir() if not each.name.startswith(".")} - {missing.name})
    except OSError:
        return f"{folder} cannot be listed"
    if near := nearest(missing.name, names):
        return f"did you mean {show(str(folder / near))}?"
    return f"{folder} has {listed(names, 5) if names else 'nothing in it'}"
