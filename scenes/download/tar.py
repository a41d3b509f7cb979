"""Tars from anywhere: listed and read member by member, never unpacked to the disk."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Self, cast

from scenes.common.errors import InputError
from scenes.download.folder import fault_of_name

# The largest size that a zip or tar may unpack to: this many bytes, or this many times its own size. No member is read
# into memory as a whole, so the limit is one of time. Deflate packs at most 1032 : 1, as it does blank scans; more can
# only come from members that share their bytes.
BOMB_BYTES = 1 << 30
BOMB_RATIO = 1032
_MOST_PER_READ = 1 << 24  # bytes; tarfile reads a member's extended header, whose size the tar states, at once
_MOST_MEMBERS = 10_000_000

_COMPRESSIONS: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
)
# What tarfile and the decompressors raise on damaged bytes.
_DAMAGE = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


def is_tar(path: str | Path) -> bool:
    """Return whether a file is a tar or compressed as one usually is, by its first bytes."""
    with Path(path).open("rb") as file:
        head = file.read(512)
    return head[257:262] == b"ustar" or head.startswith(tuple(magic for magic, _ in _COMPRESSIONS))


class Tar:
    """A tar that has been listed whole, open for reading. Use it as a context manager.

    Attributes:
        files: the size in bytes of each regular file by its path, without a leading ``./``, in the order of the tar.
            Hidden files and folders are left out. Of several members with one name the last counts, as for ``tar -x``.
    """

    def __init__(self, path: str | Path) -> None:
        """Open and list the tar at ``path``, which may be compressed by gzip, bzip2 or xz.

        Raises:
            InputError: it is not a tar, or damaged; a member is a link, a device, or has a name that no archive here
                may hold; or it unpacks to far more than pictures do.
        """
        self.path = Path(path)
        with ExitStack() as resources:
            raw = resources.enter_context(self.path.open("rb"))
            head = raw.read(6)
            raw.seek(0)
            opened: IO[bytes] = raw
            for magic, decompressor in _COMPRESSIONS:
                if head.startswith(magic):
                    opened = resources.enter_context(decompressor(raw))
            try:
                self._tar = resources.enter_context(tarfile.open(fileobj=cast(Any, _Capped(opened)), mode="r:"))
                self._members = self._listed()
                _drain(opened)
            except _DAMAGE as error:
                raise self._damaged(error) from None
            self._resources = resources.pop_all()
        self.files = {name: member.size for name, member in self._members.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open the file ``name``. Going backwards in a compressed tar is slow.

        Raises:
            InputError: the tar was damaged or replaced after it was listed.
        """
        try:
            with cast(IO[bytes], self._tar.extractfile(self._members[name])) as file:
                yield file
        except _DAMAGE as error:
            if isinstance(error, OSError) and error.errno is not None:  # of the system, such as a full disk
                raise
            raise self._damaged(error) from None

    def read(self, name: str) -> bytes:
        """Return the bytes of the file ``name``; see :meth:`open`."""
        with self.open(name) as file:
            return file.read()

    def _listed(self) -> dict[str, tarfile.TarInfo]:
        packed_bytes, unpacked_bytes = self.path.stat().st_size, 0
        members: dict[str, tarfile.TarInfo] = {}
        for count, member in enumerate(self._tar, 1):
            unpacked_bytes += member.size
            if unpacked_bytes > max(BOMB_BYTES, BOMB_RATIO * packed_bytes) or count > _MOST_MEMBERS:
                raise InputError(
                    f"{self.path}: {packed_bytes} bytes unpack to more than {unpacked_bytes - member.size}, which no "
                    "archive of pictures does; refused as a bomb; check the source"
                )
            name = member.name.removeprefix("./")
            if fault := self._fault(member, name):
                raise InputError(f"{self.path}: the member {member.name!a} {fault}")
            if member.isfile() and not any(part.startswith(".") for part in name.split("/")):
                members.pop(name, None)  # for the order
                members[name] = member
        return members

    def _fault(self, member: tarfile.TarInfo, name: str) -> str:
        if not (member.isfile() or member.isdir()):
            return "is a link or a device; pack the tar again with the file itself (`tar -h --hard-dereference`)"
        if name.startswith("/") or ".." in name.split("/"):
            return "has an absolute path or climbs out by '..'; pack the tar again without it"
        fault = fault_of_name(name)
        return f"has a name that {fault}; rename it and pack the tar again" if fault else ""

    def _damaged(self, error: Exception) -> InputError:
        return InputError(
            f"{self.path} is no sound tar ({error}); get the file again, or unpack it and name the folder"
        )


def _drain(file: IO[bytes]) -> None:
    """Read what follows the last member, some zeros, so that a decompressor checks its checksum at the end."""
    for _ in range(BOMB_BYTES // _MOST_PER_READ):
        if not file.read(_MOST_PER_READ):
            break


class _Capped:
    """A binary file that refuses to read more than ``_MOST_PER_READ`` bytes at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_PER_READ:
            raise ValueError("a header of impossible size")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
