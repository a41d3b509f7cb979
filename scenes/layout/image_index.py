"""Finds the image that a table means, however it spells the path."""

import posixpath
import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property

# What normalising a path changes.
_UNUSUAL = re.compile(r"[\\:]|//|\./|^/")
_UPWARDS = re.compile(r"^(?:[A-Za-z]:|\.\./|/)+")


class ImageIndex:
    """The images of a source by path, by name and by name without suffix."""

    def __init__(self, splits: Mapping[str, str]) -> None:
        """Index the paths that are the keys of ``splits``; the values are their splits by folder, '' if none."""
        self._splits = splits
        self._paths: dict[str, str] = {}
        self._names: dict[str, str | list[str]] = {}
        self._folders: set[str] = set()
        for path in splits:
            clean = _clean(path)
            folder, _, name = clean.rpartition("/")
            self._paths[clean] = path
            _add(self._names, name, clean)
            self._folders.add(folder.rpartition("/")[2])

    @cached_property
    def _stems(self) -> dict[str, str | list[str]]:
        stems: dict[str, str | list[str]] = {}
        for path in self._paths:
            _add(stems, _stem(path.rpartition("/")[2]), path)
        return stems

    def find(self, cell: str, folder: str = "", split: str = "") -> str | None:
        """Return the path of the image that a cell of a table names.

        The cell may be a path from the table's folder, from the top, or from a folder on the author's machine, or just
        the name; the suffix may be another one or missing.

        Args:
            cell: the text of the cell.
            folder: of the table.
            split: of the row or of the table; '' if unknown. It tells images of the same name apart.

        Returns:
            None if there is no such image, or several.
        """
        cell = _clean(cell)
        if not cell:
            return None
        for path in (f"{folder}/{cell}" if folder else cell, cell):
            if path in self._paths:
                return self._paths[path]
        above, _, name = cell.rpartition("/")
        found = self._names.get(name) or self._stems.get(_stem(name)) or self._stems.get(name) or []
        found = [found] if isinstance(found, str) else found
        parent = above.rpartition("/")[2]
        if parent in self._folders and parent:
            # This folder is in the source too, so an image of the same name elsewhere is another one.
            found = [path for path in found if path.endswith(f"{parent}/{path.rpartition('/')[2]}")]
        for is_meant in (
            lambda path: f"/{path}".endswith(f"/{cell}"),
            lambda path: folder and path.startswith(f"{folder}/"),
            lambda path: split and self._splits[self._paths[path]] == split,
        ):
            if len(found) > 1:
                found = [path for path in found if is_meant(path)] or found
        return self._paths[found[0]] if len(found) == 1 else None


def _add(index: dict[str, str | list[str]], key: str, path: str) -> None:
    """Add a path to an index; nearly all keys have one, and a million lists would take much memory."""
    others = index.get(key)
    if others is None:
        index[key] = path
    elif isinstance(others, str):
        index[key] = [others, path]
    else:
        others.append(path)


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _clean(path: str) -> str:
    """Return a path in composed form (NFC) with slashes, without '.' and without what leads to the top."""
    path = path.strip()
    if not path.isascii():
        path = unicodedata.normalize("NFC", path)
    if _UNUSUAL.search(path):
        path = _UPWARDS.sub("", posixpath.normpath(path.replace("\\", "/")))
    return path
