"""Archives on this machine: a copy of a file, and whether a file is a sound zip."""

import lzma
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

from scenes.common.errors import InputError
from scenes.download.partial import check_room

# zipfile stops a member at the size that its entry states, so the sum of these sizes bounds the work. Photos do not
# compress at all; a bomb comes close to deflate's limit of 1032.
BOMB_BYTES = 1 << 30
BOMB_RATIO = 200

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


def copy_archive(place: str, path: str | Path) -> None:
    """Copy the file that the source ``file:<place>`` names to ``path``.

    Args:
        place: absolute, relative to the working directory, or starting with ``~``.
        path: the copy.

    Raises:
        InputError: the file does not exist, is not a regular file, may not be read, or does not fit on the disk.
    """
    source = Path(place).expanduser()
    try:
        if source.is_dir():
            raise InputError(f"file:{place} is a folder; name the zip itself, or pack the folder as one")
        if not source.exists():
            raise InputError(f"file:{place} does not exist; a relative path starts at the folder of params.yaml")
        if not source.is_file():
            raise InputError(f"file:{place} is not a regular file; name a zip")
        check_room(Path(path).parent, source.stat().st_size)
        with source.open("rb") as reader, Path(path).open("wb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
    except PermissionError:
        raise InputError(f"file:{place} cannot be read; change its permissions, or copy it") from None


def check_zip(path: str | Path, what: object) -> int:
    """Read every member of a zip, which checks its CRC, and return their number.

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
        return len(archive.infolist())


def _describe(head: bytes) -> str:
    """Say what a file without a zip's end record is, by its first bytes."""
    if not head:
        return "the file is empty; get it again"
    if head.startswith(b"PK\x03\x04"):
        return "the zip is cut short: its table of contents at the end is missing; get the file again"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "this is a web page instead of a zip, perhaps a login or an error page; open the address in a browser"
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
