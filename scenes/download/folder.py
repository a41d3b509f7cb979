"""A folder of pictures on this machine: its files, and whatever in it would stop DVC or the pipeline."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from scenes.common.errors import InputError

_MOST_FOLDERS = 100_000  # followed through links in the search for a loop
_SHOWN = 120  # characters of a name in a message


def list_folder(folder: str | Path) -> tuple[dict[str, int], list[str]]:
    """List a folder and check that everything in it can be read, without opening a file.

    Hidden files and folders are left out. Links to files count as files; links to folders are not followed.

    Args:
        folder: the folder; may itself be a link.

    Returns:
        The size in bytes of each file by its path below ``folder``, with slashes and sorted by code points; and the
        paths of the links to folders, sorted.

    Raises:
        InputError: the folder or something in it cannot be read, a name cannot be a member of an archive, a link is
            broken or leads back to where it is, or something is neither a file nor a folder. DVC, which hashes the
            folder, would stop at most of these, or wait forever.
    """
    files: dict[str, int] = {}
    links: list[str] = []
    waiting = [""]  # folders below the first one, each with a slash at its end
    while waiting:
        below = waiting.pop()
        for entry in _entries(f"{folder}/{below}"):
            if entry.name.startswith("."):
                continue
            name = below + entry.name
            if fault := fault_of_name(name):
                raise InputError(f"{_shown(entry.path)}: the name {fault}; rename it")
            status = _status(entry)
            if stat.S_ISDIR(status.st_mode):
                if entry.is_symlink():
                    links.append(name)
                else:
                    waiting.append(f"{name}/")
            elif not stat.S_ISREG(status.st_mode):
                raise InputError(f"{_shown(entry.path)} is a pipe or a device; move it out of the folder")
            elif not os.access(entry.path, os.R_OK):
                raise InputError(f"{_shown(entry.path)} cannot be read; change its permissions, or move it away")
            else:
                files[name] = status.st_size
    if links:
        _refuse_loops(folder)
    return dict(sorted(files.items())), sorted(links)


def fault_of_name(name: str) -> str:
    """Return why no archive here may hold a member of this name, or ''."""
    if name.isascii() and name.isprintable() and "\\" not in name:  # nearly all of them
        return ""
    try:
        name.encode()
    except UnicodeEncodeError:  # os.fsdecode and tarfile keep other bytes as surrogates
        return "is not UTF-8"
    if "\\" in name:
        return "holds a backslash"
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name):
        return "holds a control character"
    return ""


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        raise InputError(f"{_shown(folder)} vanished while it was listed; run again") from None
    except OSError as error:
        raise InputError(f"{_shown(folder)} cannot be listed ({error.strerror}); change its permissions") from None


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    """Return the status of a file or folder, through links."""
    try:
        return entry.stat()
    except OSError as error:
        if not entry.is_symlink():
            raise InputError(f"{_shown(entry.path)} vanished while its folder was listed; run again") from None
        reason = "points to nothing" if isinstance(error, FileNotFoundError) else f"is broken ({error.strerror})"
        raise InputError(f"the link {_shown(entry.path)} {reason}; remove or mend it") from None


def _refuse_loops(root: str | Path) -> None:
    """Raise an InputError if links to folders lead around in a circle, in which DVC, which follows them, would go.

    A depth-first search over real folders: one that is met again while it is open closes a circle.
    """
    open_folders: set[str] = set()
    done: set[str] = set()
    stack: list[tuple[str, Iterator[str]]] = []

    def enter(folder: str) -> None:
        open_folders.add(folder)
        stack.append((folder, _subfolders(folder)))

    enter(os.path.realpath(root))
    while stack and len(done) < _MOST_FOLDERS:
        folder, rest = stack[-1]
        path = next(rest, None)
        if path is None:
            stack.pop()
            open_folders.discard(folder)
            done.add(folder)
            continue
        real = os.path.realpath(path)
        if real in open_folders:
            raise InputError(f"the link {_shown(path)} leads back to a folder that holds it; remove it")
        if real not in done:
            enter(real)


def _subfolders(folder: str) -> Iterator[str]:
    """Yield the folders in a folder, links included."""
    try:
        with os.scandir(folder) as entries:
            paths = [entry.path for entry in entries if entry.is_dir()]
    except OSError:  # outside the folder of pictures, where links may lead
        paths = []
    yield from paths


def _shown(path: str) -> str:
    """Return a path for a message: on one line, invisible characters and wrong bytes escaped, its end if it is long."""
    line = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    line = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in line)
    return line if len(line) <= _SHOWN else f"...{line[-_SHOWN:]}"
