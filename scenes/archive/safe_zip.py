"""A zip written by somebody else: checked whole when it is opened, read member by member, never unpacked to disk.

Everything in it is data, names and sizes included. Names are kept exactly as the zip stores them, since they are the
key that a member is read by.
"""

import copy
import errno
import math
import re
import stat
import struct
import sys
import unicodedata
import zipfile
import zlib
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Self

from scenes.common.errors import InputError
from scenes.common.limited_reader import BudgetExceeded, LimitedReader

# Below this many unpacked bytes a member cannot hurt, whatever its ratio (a blank page packs 1000:1).
_HARMLESS_BYTES = 1_000_000
_LITTER_NAMES = {"thumbs.db", "ehthumbs.db", "desktop.ini"}
# The smallest local header: an entry takes at least this much room before its data.
_LOCAL_HEADER_BYTES = 30
# How each entry of the directory begins, and so the directory, which zipfile reads at once; where it says how long its
# name, extra fields and comment are, and where these begin.
_ENTRY, _LENGTHS, _TEXTS = b"PK\x01\x02", 28, 46
# Bytes of these three: no path is longer, and extra fields take zipfile time by the square of their length. An entry
# counts once more for each so many.
_MOST_TEXT, _TEXT = 4096, 256


class DamagedMember(Exception):
    """The bytes of one member cannot be had: its checksum or its packed data is wrong."""


class SafeZip:
    """A zip that has passed every check, open for reading.

    Attributes:
        entries: files and folders, in the order in which the zip lists them.
        files: the files by name, in the same order.
    """

    def __init__(
        self,
        path: str | Path,
        max_member_bytes: int,
        max_ratio: float,
        *,
        max_entries: int | None = None,
        file: BinaryIO | None = None,
    ):
        """Open and check the zip at ``path``.

        Args:
            path: a zip file.
            max_member_bytes: a larger member is refused.
            max_ratio: a member of over a megabyte that unpacks to more times its packed size than this is refused.
            max_entries: a zip of more files and folders is refused, before a list is made of them, as is one of names
                longer than paths can be; None: any number.
            file: the zip itself, where it is not on the disk; ``path`` is then what messages call it.

        Raises:
            InputError: not a zip, too many entries, a member that is unsafe (name, link, encryption, size, overlap),
                two members of one name.
        """
        self.path = Path(path)
        self._max_member_bytes = max_member_bytes
        self._max_ratio = max_ratio
        self._zip = None
        self._own = None if file is not None else _opened(self.path)
        try:
            self._zip = _listed(self.path, file if file is not None else self._own, max_entries)
            self.entries = self._zip.infolist()
            self.files = self._checked_files()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; nothing can be read from then on."""
        if self._zip:
            self._zip.close()
        if self._own:
            self._own.close()

    def read(self, path: str) -> bytes:
        """Return the bytes of the member ``path``.

        Raises:
            KeyError: no such member.
            DamagedMember: wrong checksum or packed data.
            InputError: it unpacks to more than the archive's directory says.
            ValueError: the archive has been closed.
        """
        if self._zip.fp is None:
            raise ValueError(f"{self.path} has been closed")
        info = self.files[path]
        # zipfile stops at the size that the directory states, whatever the packed data holds. To see whether that
        # size lies, lift it and count: an honest member ends by itself, and its checksum is compared there.
        generous = copy.copy(info)
        generous.file_size = sys.maxsize
        try:
            with self._zip.open(generous) as member:
                data = member.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, struct.error, ValueError) as error:
            raise DamagedMember(f"{show(path)} cannot be unpacked: {error}") from None
        if len(data) > info.file_size:
            raise self._refusal(
                info, f"unpacks to more than the {info.file_size} bytes that the archive states; do not trust it"
            )
        if len(data) < info.file_size:
            raise DamagedMember(f"{show(path)} holds {len(data)} of {info.file_size} bytes")
        return data

    def _checked_files(self) -> dict[str, zipfile.ZipInfo]:
        """Return the files of the zip by name, after the checks that look at one entry or at two."""
        for info in self.entries:
            self._check_entry(info)
        files = [info for info in self.entries if not info.is_dir()]
        name, times = max(Counter(info.filename for info in files).items(), key=lambda item: item[1], default=("", 0))
        if times > 1:
            raise InputError(
                f"{self.path}: {times} members are called {show(name)}; "
                "pack the archive again with each file under a name of its own"
            )
        by_offset = sorted(files, key=lambda info: info.header_offset)
        for first, second in pairwise(by_offset):
            if first.header_offset + _LOCAL_HEADER_BYTES + first.compress_size > second.header_offset:
                raise self._refusal(
                    second,
                    f"shares its bytes with {show(first.filename)}, as in a zip bomb; do not trust this archive",
                )
        return {info.filename: info for info in files}

    def _check_entry(self, info: zipfile.ZipInfo) -> None:
        # zipfile shortens a name at a NUL and may replace it by one from an extra field: look at both.
        for name in (info.orig_filename, info.filename):
            fault = _fault_of_name(name)
            if fault:
                raise InputError(
                    f"{self.path}: the member name {show(name)} {fault}; pack the archive again without it"
                )
        if info.header_offset < 0:
            raise self._refusal(
                info, "would lie before the start of the file, whose directory is damaged; download it again"
            )
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise self._refusal(info, "is a link or a device, not a file; pack the archive again with the file itself")
        if info.flag_bits & 0x1:
            raise self._refusal(info, "is encrypted; pack the archive again without a password")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # Python unpacks the other methods without a limit on what comes out at once.
            raise self._refusal(info, "is packed neither by deflate nor stored; pack the archive again with `zip -r`")
        if info.file_size > self._max_member_bytes:
            raise self._refusal(
                info,
                f"has {info.file_size} bytes, more than archive.max_member_bytes ({self._max_member_bytes}); "
                "raise that param if this is meant",
            )
        if info.file_size > _HARMLESS_BYTES and info.file_size > self._max_ratio * info.compress_size:
            raise self._refusal(
                info,
                f"unpacks to more than archive.max_ratio ({self._max_ratio}) times its packed size, as a zip bomb "
                "does; raise that param if this is meant",
            )

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
        raise InputError(f"{path} may not be read; change its permissions") from None


def _listed(path: Path, file: BinaryIO, max_entries: int | None) -> zipfile.ZipFile:
    most = math.inf if max_entries is None else max_entries
    limited = LimitedReader(file, most, lambda part: 0 if max_entries is None else _entries(part, most))
    try:
        archive = zipfile.ZipFile(limited)
    except BudgetExceeded:
        raise InputError(
            f"{path} lists more than the {max_entries:,} files that are taken, or names longer than paths can be; "
            "make several zips of it"
        ) from None
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, struct.error, ValueError, EOFError) as error:
        # What a damaged directory of a zip raises.
        raise _unreadable(path, error) from None
    except OSError as error:
        # It also sends zipfile to a place before the start of the file.
        if error.errno != errno.EINVAL:
            raise
        raise _unreadable(path, error) from None
    limited.left = math.inf  # a member may be a zip
    return archive


def _entries(part: bytes, most: float) -> float:
    """Count the entries of a directory, no further than beyond ``most``; any other part of a zip has none.

    The end of the zip states a number as well, which zipfile does not go by.
    """
    entries, position = 0, 0
    while entries <= most and part.startswith(_ENTRY, position) and position + _TEXTS <= len(part):
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
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        return "holds a control character"
    if not name.strip("/."):
        return "is empty"
    return ""


def is_litter(parts: list[str]) -> bool:
    """Whether a member, by the parts of its path, is what operating systems leave: hidden, or of one of a few names."""
    hidden = any(part == "__MACOSX" or part.startswith(".") for part in parts)
    return hidden or parts[-1].lower() in _LITTER_NAMES


def show(name: str) -> str:
    """Return a member name for a message: quoted, on one line, not too long."""
    quoted = repr(name)
    return quoted if len(quoted) <= 120 else f"{quoted[:117]}...'"
