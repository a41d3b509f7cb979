"""Packs a folder or a tar as the zip that the pipeline reads: the same files give the same bytes on any machine."""

import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from tqdm import tqdm

from scenes.common import suffixes
from scenes.common.errors import InputError
from scenes.download.folder import list_folder
from scenes.download.partial import check_room
from scenes.download.tar import Tar

_ENTRY_BYTES = 200  # of the zip's headers for each member, beside its name, which is written twice
_Open = Callable[[str], AbstractContextManager[IO[bytes]]]  # from a name to the open file


def pack_folder(folder: str | Path, path: str | Path) -> Counter[str]:
    """Pack the pictures and tables in a folder as a zip, sorted by the code points of their paths.

    Returns:
        The number of files left out by suffix, see ``scenes.common.suffixes``.

    Raises:
        InputError: see :func:`scenes.download.folder.list_folder`; or a file vanishes or can't be read, or the zip does
            not fit on the disk.
    """
    root = Path(folder)
    files, _ = list_folder(root)
    packed = [name for name in files if _belongs(name)]
    check_room(Path(path).parent, _zip_bytes((name, files[name]) for name in packed))

    try:
        _write_zip(packed, files, lambda name: (root / name).open("rb"), path)
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} vanished while it was packed; run again") from None
    except PermissionError as error:
        raise InputError(f"{error.filename} cannot be read; change its permissions, or move it out") from None
    return _left_out(files)


def pack_tar(tar: str | Path, path: str | Path) -> Counter[str]:
    """Pack the pictures and tables in a tar as a zip, in the order of the tar, without unpacking it to the disk.

    Returns:
        The number of files left out by suffix, see ``scenes.common.suffixes``.

    Raises:
        InputError: see :class:`scenes.download.tar.Tar`; or the zip does not fit on the disk.
    """
    with Tar(tar) as archive:
        packed = [name for name in archive.files if _belongs(name)]
        check_room(Path(path).parent, _zip_bytes((name, archive.files[name]) for name in packed))
        _write_zip(packed, archive.files, archive.open, path)
        return _left_out(archive.files)


def _belongs(name: str) -> bool:
    return suffixes.is_image(name) or suffixes.is_table(name)


def _left_out(names: Iterable[str]) -> Counter[str]:
    return Counter(suffixes.suffix(name) or "no suffix" for name in names if not _belongs(name))


def _zip_bytes(files: Iterable[tuple[str, int]]) -> int:
    return sum(size + 2 * len(name.encode()) + _ENTRY_BYTES for name, size in files)


def _write_zip(names: Sequence[str], sizes: Mapping[str, int], open_file: _Open, path: str | Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in tqdm(names, desc="packing", unit=" files", disable=None):
            # Stored, because versions of zlib give different bytes; the date is the first that a zip can hold.
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr, info.file_size = 3, 0o644 << 16, sizes[name]
            with open_file(name) as reader, archive.open(info, "w") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
