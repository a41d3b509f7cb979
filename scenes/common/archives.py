"""The folder data/raw: a zip for each source of the profile, in their order, and SHA256SUMS."""

from itertools import count, takewhile
from pathlib import Path
from typing import Any

from scenes.common.checksum import file_hash
from scenes.common.files import visible
from scenes.common.outputs import checked, recorded


def archive_name(number: int) -> str:
    """Return the name of the zip of the source ``number``, from 1: archive.zip, archive-2.zip, archive-3.zip..."""
    return "archive.zip" if number == 1 else f"archive-{number}.zip"


def archive_paths(path: str | Path) -> list[Path]:
    """Return the zips in a folder, in the order of their sources; or ``path`` alone if it is no folder.

    Raises:
        InputError: a zip of the folder is missing, or is not as SHA256SUMS says.
    """
    folder = Path(path)
    if not folder.is_dir():
        return [folder]
    names = recorded(folder) or {each.name: "" for each in visible(folder, "*.zip")}
    paths = [folder / name for name in takewhile(names.__contains__, map(archive_name, count(1)))]
    return [checked(each) for each in paths or [folder / archive_name(1)]]


def archive_hashes(path: str | Path) -> str | list[str]:
    """Return the sha256 of the zip, or those of several in order, as in provenance.json; see :func:`archive_paths`."""
    known = recorded(path)
    hashes = [known.get(each.name) or file_hash(each) for each in archive_paths(path)]
    return hashes if len(hashes) > 1 else hashes[0]


def by_archive(folder: str, hashes: str | list[str]) -> dict[str, str]:
    """Return the hashes of :func:`archive_hashes` by the paths of the zips in ``folder``."""
    return {f"{folder}/{archive_name(number)}": sha256 for number, sha256 in enumerate(as_list(hashes), 1)}


def as_list(value: Any) -> list[Any]:
    """Return what is one value for one archive and a list for several, such as ``source``, as a list."""
    return value if isinstance(value, list) else [value]
