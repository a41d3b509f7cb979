"""Zips from untrusted sources: checked when opened, read member by member, never unpacked to disk.

Nothing in the zip is trusted, names and sizes included.
"""

import errno
import math
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Self

from scenes.archive.packed import LOCAL_HEADER_BYTES, DamagedMember, Packed, unpack
from scenes.archive.uncompressed import stated_bytes
from scenes.archive.zip_names import decode_names, original_name
from scenes.common.errors import InputError
from scenes.common.limited_reader import BudgetExceeded, LimitedReader
from scenes.common.words import show
from scenes.executors.shards import ByteRange

__all__ = ["DamagedMember", "SafeZip", "is_litter"]

# A member of no more unpacked bytes is harmless at any ratio (a blank page packs 1000:1).
_HARMLESS_BYTES = 1_000_000
# How much more than its header and pixels an uncompressed image may hold, for metadata.
_MORE_THAN_STATED = 100_000
# What is wrong in a name: control characters (Cc), lone surrogates (Cs), and separators of lines and paragraphs.
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\u2028\\u2029]")
_LITTER_NAMES = {"thumbs.db", "ehthumbs.db", "desktop.ini"}
# The signature of a directory entry, the offset of the lengths of its name, extra fields and comment, and the offset of
# these three texts. zipfile reads the directory, which begins with an entry, in one call.
_ENTRY, _LENGTHS, _TEXTS = b"PK\x01\x02", 28, 46
# The most bytes of text in an entry: no path is longer, and zipfile's time grows with the square of the extra fields.
# An entry counts once more for every _TEXT bytes.
_MOST_TEXT, _TEXT = 4096, 256


class SafeZip:
    """A zip that has passed every check, open for reading.

    Attributes:
        entries: files and folders in the order of the zip's directory.
        files: the files by name, in the same order.
        name_note: how names were read whose encoding the zip does not state, as a sentence; '' if there are none.
    """

    def __init__(
        self,
        path: str | Path,
        max_member_bytes: int,
        max_ratio: float,
        *,
        max_entries: int | None = None,
        file: BinaryIO | None = None,
        name_encoding: str | None = None,
        strict_names: bool = False,
    ) -> None:
        """Open and check the zip at ``path``.

        Args:
            path: the zip.
            max_member_bytes: a larger member is refused.
            max_ratio: a member over a megabyte that unpacks to more than this many times its packed size is refused,
                unless it is an uncompressed image that is as large as its own header states.
            max_entries: a zip with more files and folders, or with names longer than paths can be, is refused before
                they are listed. None allows any number.
            file: the zip itself if it is not on the disk; ``path`` is then only its name in messages.
            name_encoding, strict_names: see :func:`scenes.archive.zip_names.decode_names`.

        Raises:
            InputError: not a zip, too many entries, an unsafe member (name, link, encryption, size, overlap), two
                members with the same name, or names in another encoding.
        """
        self.path = Path(path)
        self._max_member_bytes = max_member_bytes
        self._max_ratio = max_ratio
        with ExitStack() as resources:
            if file is None:
                file = resources.enter_context(_opened(self.path))
            self._zip = resources.enter_context(_listed(self.path, file, max_entries))
            self.entries = self._zip.infolist()
            try:
                self.name_note = decode_names(self.entries, name_encoding, strict=strict_names)
            except InputError as error:
                raise InputError(f"{self.path}: {error}") from None
            self._file, self._lock = file, Lock()
            self._next_offset: dict[str, int] = {}  # by member; that of the last one is missing
            self.files = self._checked_files()
            self._resources = resources.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Nothing can be read afterwards."""
        self._resources.close()

    def read(self, path: str) -> bytes:
        """Return the bytes of the member ``path``.

        Raises:
            KeyError: there is no such member.
            DamagedMember: its checksum or packed data is wrong.
            InputError: it unpacks to more bytes than the directory states.
            ValueError: the archive has been closed.
        """
        if self._zip.fp is None:
            raise ValueError(f"{self.path} has been closed")
        place, member = self.locate(path)
        with self._lock:
            part = place.read_from(self._file)
        return unpack(part, member)

    def locate(self, path: str) -> tuple[ByteRange, Packed]:
        """Return where the member ``path`` is in the zip, and how :func:`scenes.archive.packed.unpack` reads it there.

        With both, another process reads the member without listing the zip again.

        Raises:
            KeyError: there is no such member.
        """
        info = self.files[path]
        sizes = info.compress_size, info.file_size, info.CRC
        member = Packed(str(self.path), path, info.orig_filename, info.compress_type, *sizes)
        length = min(member.most_bytes, self._next_offset.get(path, math.inf) - info.header_offset)
        return ByteRange(str(self.path), info.header_offset, int(length)), member

    def _checked_files(self) -> dict[str, zipfile.ZipInfo]:
        """Check every entry alone and in pairs, and return the files by name."""
        for info in self.entries:
            self._check_entry(info)
        files = [info for info in self.entries if not info.is_dir()]
        name, times = max(Counter(info.filename for info in files).items(), key=lambda item: item[1], default=("", 0))
        if times > 1:
            raise InputError(
                f"{self.path}: {times} members are named {show(name)}; "
                "give each file its own name and pack the archive again"
            )
        by_offset = sorted(files, key=lambda info: info.header_offset)
        for first, second in pairwise(by_offset):
            self._next_offset[first.filename] = second.header_offset
            if first.header_offset + LOCAL_HEADER_BYTES + first.compress_size > second.header_offset:
                raise self._refusal(
                    second,
                    f"shares its bytes with {show(first.filename)}, as in a zip bomb; do not trust this archive",
                )
        return {info.filename: info for info in files}

    def _check_entry(self, info: zipfile.ZipInfo) -> None:
        # zipfile cuts a name at a NUL and may replace it by one from an extra field, so check both.
        for name in {info.filename, original_name(info)}:
            if fault := _fault_of_name(name):
                raise InputError(
                    f"{self.path}: the member name {show(name)} {fault}; pack the archive again without it"
                )
        if info.header_offset < 0:
            raise self._refusal(
                info, "starts before the beginning of the file: the directory is damaged; download it again"
            )
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise self._refusal(info, "is a link or a device, not a file; pack the archive again with the file itself")
        if info.flag_bits & 0x1:
            raise self._refusal(info, "is encrypted; pack the archive again without a password")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # Python unpacks the other methods without a limit on the output of one call.
            raise self._refusal(
                info, "is compressed by a method other than deflate; pack the archive again with `zip -r`"
            )
        if info.file_size > self._max_member_bytes:
            raise self._refusal(
                info,
                f"has {info.file_size} bytes, more than archive.max_member_bytes ({self._max_member_bytes}); "
                "raise that parameter if this is intended",
            )
        if info.file_size > max(
            _HARMLESS_BYTES, self._max_ratio * info.compress_size
        ) and not self._is_as_large_as_its_header_states(info):
            raise self._refusal(
                info,
                f"unpacks to more than archive.max_ratio ({self._max_ratio}) times its packed size, as a zip bomb "
                "does; raise that parameter if this is intended",
            )

    def _is_as_large_as_its_header_states(self, info: zipfile.ZipInfo) -> bool:
        try:
            with self._zip.open(info) as member:
                stated = stated_bytes(member, info.file_size)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, struct.error, ValueError):
            return False
        # Metadata and padding may follow the pixels.
        return stated <= info.file_size <= stated + _MORE_THAN_STATED

    def _refusal(self, info: zipfile.ZipInfo, what: str) -> InputError:
        return InputError(f"{self.path}: {show(info.filename)} {what}")


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; run the stage that downloads it") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a zip; pack it first") from None
    except PermissionError:
        raise InputError(f"{path} cannot be read; change its permissions") from None


def _listed(path: Path, file: BinaryIO, max_entries: int | None) -> zipfile.ZipFile:
    budget = math.inf if max_entries is None else max_entries
    limited = LimitedReader(file, budget, lambda part: 0 if max_entries is None else _count_entries(part, budget))
    try:
        archive = zipfile.ZipFile(limited)
    except BudgetExceeded:
        raise InputError(
            f"{path} lists more than the {max_entries:,} files allowed, or names that are too long for paths; "
            "split it into several zips"
        ) from None
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, struct.error, ValueError, EOFError) as error:
        # A damaged directory raises these.
        raise _unreadable(path, error) from None
    except OSError as error:
        # A damaged directory can also make zipfile seek to before the start of the file.
        if error.errno != errno.EINVAL:
            raise
        raise _unreadable(path, error) from None
    limited.left = math.inf  # only opening is limited: a member may itself be a zip
    return archive


def _count_entries(part: bytes, limit: float) -> float:
    """Count the entries of a directory until there are more than ``limit``. Other parts of a zip have none.

    The end of the zip states their number too, but zipfile ignores it.
    """
    entries: float = 0
    position = 0
    while entries <= limit and part.startswith(_ENTRY, position) and position + _TEXTS <= len(part):
        text = sum(struct.unpack_from("<3H", part, position + _LENGTHS))
        entries += math.inf if text > _MOST_TEXT else 1 + text // _TEXT
        position += _TEXTS + text
    return entries


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is not a zip that can be read ({error}); download it again")


def _fault_of_name(name: str) -> str:
    """Return what is wrong with a member name, or ''."""
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if "\\" in name:
        return "holds a backslash"
    if ".." in name.split("/"):
        return "climbs out of the archive by '..'"
    if _CONTROL.search(name):
        return "holds a control character"
    if not name.strip("/."):
        return "is empty"
    return ""


def is_litter(parts: list[str]) -> bool:
    """Return whether a member, by the parts of its path, was left by an operating system: hidden, or a Thumbs.db."""
    hidden = any(part == "__MACOSX" or part.startswith(".") for part in parts)
    return hidden or parts[-1].lower() in _LITTER_NAMES
