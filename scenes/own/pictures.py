"""Somebody's labelled pictures in a folder, a zip or a tar, opened for reading; nothing is unpacked to the disk."""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from scenes.archive.safe_zip import DamagedMember, SafeZip
from scenes.common import suffixes
from scenes.common.errors import InputError
from scenes.common.files import suggest_path
from scenes.common.words import listed
from scenes.download.folder import list_folder
from scenes.download.tar import Tar, is_tar
from scenes.layout.layout import Entry, Found, find_members

_ZIP = b"PK\x03\x04"  # how a zip with files begins
# What `read` of :class:`Pictures` raises for a file that cannot be read.
UNREADABLE = (DamagedMember, InputError, OSError)
# `archive` of params.yaml, for commands that run where there is none.
DEFAULT_ARCHIVE: dict[str, Any] = {
    "layout": {
        **dict.fromkeys(("train", "val", "test", "pred", "labels", "depth", "subject")),
        "leave_out": [],
    },
    "name_encoding": None,
    "max_member_bytes": 50_000_000,
    "max_ratio": 200,
    "max_pixels": 50_000_000,
}


class Pictures(NamedTuple):
    """Pictures that have been found but not read.

    Attributes:
        kind: ``folder``, ``zip`` or ``tar``.
        size: of all files in it in bytes, as they are now.
        found: the layout; its members are in an order in which they can be read quickly.
        read: from the path of a member to its bytes; raises one of ``UNREADABLE``.
    """

    kind: str
    size: int
    found: Found
    read: Callable[[str], bytes]


@contextmanager
def open_pictures(path: str | Path, archive: Mapping[str, Any], *, training: bool = True) -> Iterator[Pictures]:
    """Open a folder, zip or tar and find the pictures, classes and splits in it.

    Args:
        path: may begin with ``~``.
        archive: the block of that name in params.yaml.
        training: see :func:`scenes.layout.layout.find_members`.

    Raises:
        InputError: there is nothing of the kind, it holds no picture, or see ``scenes.layout.layout``.
    """
    path = checked_path(path)
    with ExitStack() as resources:
        notes: tuple[str, ...] = ()
        folders: tuple[str, ...] = ()
        name_note = ""
        if path.is_dir():
            kind, size = "folder", 0
            sizes, links = list_folder(path)
            files = {name: Entry(size) for name, size in sizes.items()}
            read = _reader(path)
            notes = (f"links to folders are not followed: {listed(links)}",) if links else ()
        elif is_tar(path):
            kind, size = "tar", path.stat().st_size
            tar = resources.enter_context(Tar(path))
            files = {name: Entry(size) for name, size in tar.files.items()}
            read = tar.read
        else:
            kind, size = "zip", path.stat().st_size
            limits = archive["max_member_bytes"], archive["max_ratio"]
            safe = SafeZip(path, *limits, name_encoding=archive["name_encoding"], strict_names=True)
            resources.enter_context(safe)
            files = {name: Entry(info.file_size, info.CRC) for name, info in safe.files.items()}
            read, name_note = safe.read, safe.name_note
            folders = tuple(info.filename for info in safe.entries if info.is_dir())
        try:
            found = find_members(
                files, archive["layout"], read, folders=folders, name_note=name_note, training=training
            )
        except InputError as error:
            raise InputError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
        place = {name: number for number, name in enumerate(files)}
        members = tuple(sorted(found.members, key=lambda member: place[member.path]))
        yield Pictures(
            kind,
            size or sum(entry.bytes for entry in files.values()),
            found._replace(members=members, notes=(*found.notes, *notes)),
            read,
        )


def _reader(folder: Path) -> Callable[[str], bytes]:
    return lambda name: (folder / name).read_bytes()


def checked_path(text: str | Path) -> Path:
    """Return the absolute path of a folder, a zip or a tar.

    Raises:
        InputError: it is nothing of the kind.
    """
    path = Path(text).expanduser()
    if not str(text).strip():
        raise InputError("the path is empty; name a folder, a zip or a tar of pictures")
    if not str(text).isprintable():
        raise InputError(f"the path {str(text)!a} holds characters that cannot be shown; rename it")
    try:
        exists = path.exists()
    except OSError as error:
        raise InputError(f"{path} is no path that can be used ({error.strerror}); check it") from None
    if not exists:
        if path.is_symlink():
            raise InputError(f"{path} is a link to nothing; name a folder, a zip or a tar of pictures")
        raise InputError(f"{path} does not exist; {suggest_path(path)}")
    # A link that the user named keeps its name.
    path = path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name
    if path.is_dir():
        return path
    if not path.is_file():
        raise InputError(f"{path} is a pipe or a device; name a folder, a zip or a tar of pictures")
    try:
        if suffixes.is_image(path.name):
            raise InputError(f"{path} is a single picture; name the folder that holds all of them, in a folder a class")
        if not (is_tar(path) or zipfile.is_zipfile(path)):
            with path.open("rb") as file:
                cut = file.read(len(_ZIP)) == _ZIP
            if cut:
                raise InputError(f"{path} is a zip whose end is missing; download or copy it again")
            raise InputError(f"{path} is neither a folder nor a zip nor a tar; unpack it and name the folder")
    except PermissionError:
        raise InputError(f"{path} cannot be read; change its permissions") from None
    return path
