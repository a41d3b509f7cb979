"""Pictures on this machine: a folder, tar or zip as one zip, and whether a file is a sound zip."""

import lzma
import shutil
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from scenes.common.errors import InputError
from scenes.common.files import suggest_path
from scenes.download.partial import check_room
from scenes.download.source import Source, real_path
from scenes.download.tar import BOMB_BYTES, BOMB_RATIO, is_tar

# What zipfile and the decompressors raise on damaged bytes. An unknown compression method is a NotImplementedError, a
# member that needs a password a RuntimeError.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)

# Archives that people have instead of a zip, by their first bytes.
_OTHER_ARCHIVES = (
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ", "compressed by xz"),
    (b"(\xb5/\xfd", "compressed by zstd"),
)


def get_archive(place: str, path: str | Path) -> str:
    """Write the folder, tar or zip that the source ``file:<place>`` names to ``path`` as a zip.

    Args:
        place: absolute, relative to the working directory, or starting with ``~``.
        path: the zip: a copy, or packed by ``scenes.download.pack``.

    Returns:
        How many files were left out because they are neither pictures nor tables, in words; '' for none.

    Raises:
        InputError: there is no such folder or file, it is of another kind, may not be read, or does not fit on the
            disk; or see ``scenes.download.pack``.
    """
    source = real_path(place)
    left_out: Counter[str] = Counter()
    try:
        if source.is_dir():
            # Imported here, because most sources need neither the packing nor its progress bar.
            from scenes.download.pack import pack_folder

            left_out = pack_folder(source, path)
        elif not source.exists():
            raise InputError(f"file:{place} does not exist; {suggest_path(source)}")
        elif not source.is_file():
            raise InputError(f"file:{place} is not a regular file; name a folder, a zip or a tar")
        elif is_tar(source):
            from scenes.download.pack import pack_tar

            left_out = pack_tar(source, path)
        else:
            check_room(Path(path).parent, source.stat().st_size)
            with source.open("rb") as reader, Path(path).open("wb") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
    except PermissionError:
        raise InputError(f"file:{place} cannot be read; change its permissions, or copy it") from None
    return ", ".join(f"{count:,} {suffix}" for suffix, count in left_out.most_common())


def check_watched(sources: Sequence[Source], watch: str) -> None:
    """Raise an InputError if one of the sources is a folder in which DVC would not notice a change.

    Args:
        sources: of any kind.
        watch: the parameter of that name, a path on which DVC makes the stage depend.
    """
    folders = [each.place for each in sources if each.kind == "file" and real_path(each.place).is_dir()]
    for source in sources:
        if source.place in folders and not is_watched(source, watch):
            what = (
                "make both the same in params.yaml, as `make own DATA=<folder>` does"
                if len(folders) == 1
                else "set watch in params.yaml to a folder that holds all of those in source"
            )
            raise InputError(
                f"watch is {watch!r}, so DVC would not notice changes in the folder {source.place!r}; {what}"
            )


def is_watched(source: Source, watch: str) -> bool:
    """Return whether a source is a ``file:`` in the path ``watch``, or this path itself."""
    return source.kind == "file" and real_path(source.place).is_relative_to(real_path(watch))


def check_zip(path: str | Path, what: object) -> int:
    """Read every member of a zip, which checks its CRC, and return the number of files; folders do not count.

    Args:
        path: the zip.
        what: where it came from, for the error message.

    Raises:
        InputError: the file is not a zip (a web page, for example), or a zip that is cut short, damaged, empty or a
            bomb.
    """
    with Path(path).open("rb") as file:
        head = file.read(512)
    try:
        if not zipfile.is_zipfile(path):
            raise InputError(f"{what}: {_describe(head)}")
        archive = zipfile.ZipFile(path)
    except _DAMAGE:
        raise InputError(f"{what}: the zip's table of contents is damaged; get the file again") from None
    with archive:
        _check_members(archive, Path(path).stat().st_size, what)
        return sum(not member.is_dir() for member in archive.infolist())


def _describe(head: bytes) -> str:
    """Say what a file without a zip's end record is, by its first bytes."""
    if not head:
        return "the file is empty; get it again"
    if head.startswith(b"PK\x03\x04"):
        return "the zip is cut short: its table of contents at the end is missing; get the file again"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "this is a web page instead of a zip, perhaps a login or an error page; open the address in a browser"
    for magic, kind in _OTHER_ARCHIVES:
        if head.startswith(magic):
            return f"this is {kind}, not a zip; unpack it and name the folder as file:<path>"
    return "this is not a zip; check the source"


def _check_members(archive: zipfile.ZipFile, packed_bytes: int, what: object) -> None:
    members = archive.infolist()
    if not members:
        raise InputError(f"{what}: the zip is empty; check the source")
    unpacked_bytes = sum(member.file_size for member in members)
    if unpacked_bytes > max(BOMB_BYTES, BOMB_RATIO * packed_bytes):
        raise InputError(
            f"{what}: {packed_bytes} bytes of zip unpack to {unpacked_bytes}, which no archive of photos does; "
            "refused as a zip bomb; check the source"
        )
    for member in members:
        # ZipFile.testzip() opens members by name, so of two with the same name it would read the second twice.
        try:
            with archive.open(member) as file:
                while file.read(1 << 20):
                    pass
        except _DAMAGE:
            state = "needs a password" if member.flag_bits & 1 else "is damaged"
            raise InputError(f"{what}: in the zip, {member.filename!r} {state}; get the file again") from None
