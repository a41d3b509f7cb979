"""What an archive is: a zip of ``<train>/<class>/*``, ``<test>/<class>/*`` and an optional flat ``<pred>/*``.

Everything in a zip is data written by somebody else, names and sizes included. An archive is checked whole
when it is opened, read member by member, and never unpacked to disk.

Names are kept exactly as the zip stores them, since they are the key that a member is read by. Only to be
compared (folders of the layout, classes, colliding names) are they brought to Unicode's composed form NFC, so
that a class packed on a Mac (NFD) and elsewhere (NFC) is one class.
"""

import copy
import errno
import re
import stat
import struct
import sys
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from scenes.errors import InputError

SPLITS = ("train", "test", "pred")

# Below this many unpacked bytes a member cannot hurt, whatever its ratio (a blank page packs 1000:1).
_HARMLESS_BYTES = 1_000_000
_LITTER_NAMES = {"thumbs.db", "ehthumbs.db", "desktop.ini"}
# The smallest local header: an entry takes at least this much room before its data.
_LOCAL_HEADER_BYTES = 30


class DamagedMember(Exception):
    """The bytes of one member cannot be had: its checksum or its packed data is wrong."""


class Member(NamedTuple):
    """An image as the archive lists it; ``label`` is '' in the split ``pred``."""

    path: str
    split: str
    label: str
    bytes: int


class Archive:
    """A zip that has passed every check, open for reading.

    Attributes:
        members: every file inside the layout, sorted by path (by code point).
        classes: the class names (NFC), sorted; each has members in train and in test.
        litter: number of files skipped because an operating system left them (``__MACOSX``, hidden, ``Thumbs.db``).
        outside: number of other files skipped because they stand outside of the layout (a ``truth.csv``, a readme).
        case_collisions: number of members whose path is another's, but for case or Unicode form: such an archive
            cannot be unpacked on every file system; it can be read here, where nothing is unpacked.
    """

    def __init__(self, path: str | Path, layout: Mapping[str, str], max_member_bytes: int, max_ratio: float):
        """Open and check the zip at ``path``.

        Args:
            path: a zip file.
            layout: folder name of each split, e.g. ``{"train": "seg_train", "test": "seg_test", "pred": "seg_pred"}``;
                ``pred`` may be missing. In a member's path the last folder of such a name starts the split, so that
                ``seg_train/seg_train/sea/1.jpg``, ``seg_train/sea/1.jpg`` and ``any/top/seg_train/sea/1.jpg`` are one.
            max_member_bytes: a larger member is refused.
            max_ratio: a member of over a megabyte that unpacks to more times its packed size than this is refused.

        Raises:
            InputError: not a zip, a member that is unsafe (name, link, encryption, size, overlap), two members of one
                name, no images, a class in one split only, an empty class, folders below a class.
        """
        self.path = Path(path)
        self._layout = dict(layout)
        self._max_member_bytes = max_member_bytes
        self._max_ratio = max_ratio
        self._zip = _open(self.path)
        try:
            self._infos = self._checked_infos()
            self._find_members()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_) -> None:
        self._zip.close()

    def __reduce__(self):
        # What is sent to another process is how to open the archive: two processes cannot share a file position.
        return Archive, (self.path, self._layout, self._max_member_bytes, self._max_ratio)

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
        info = self._infos[path]
        # zipfile stops at the size that the directory states, whatever the packed data holds. To see whether that
        # size lies, lift it and count: an honest member ends by itself, and its checksum is compared there.
        generous = copy.copy(info)
        generous.file_size = sys.maxsize
        try:
            with self._zip.open(generous) as member:
                data = member.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, struct.error, ValueError) as error:
            raise DamagedMember(f"{_show(path)} cannot be unpacked: {error}") from None
        if len(data) > info.file_size:
            raise self._refusal(
                info, f"unpacks to more than the {info.file_size} bytes that the archive states; do not trust it"
            )
        if len(data) < info.file_size:
            raise DamagedMember(f"{_show(path)} holds {len(data)} of {info.file_size} bytes")
        return data

    def _checked_infos(self) -> dict[str, zipfile.ZipInfo]:
        """Return the files of the zip by name, after the checks that look at one entry or at two."""
        entries = self._zip.infolist()
        for info in entries:
            self._check_entry(info)
        files = [info for info in entries if not info.is_dir()]
        name, times = max(Counter(info.filename for info in files).items(), key=lambda item: item[1], default=("", 0))
        if times > 1:
            raise InputError(
                f"{self.path}: {times} members are called {_show(name)}; "
                "pack the archive again with each file under a name of its own"
            )
        by_offset = sorted(files, key=lambda info: info.header_offset)
        for first, second in pairwise(by_offset):
            if first.header_offset + _LOCAL_HEADER_BYTES + first.compress_size > second.header_offset:
                raise self._refusal(
                    second,
                    f"shares its bytes with {_show(first.filename)}, as in a zip bomb; do not trust this archive",
                )
        return {info.filename: info for info in files}

    def _check_entry(self, info: zipfile.ZipInfo) -> None:
        # zipfile shortens a name at a NUL and may replace it by one from an extra field: look at both.
        for name in (info.orig_filename, info.filename):
            fault = _fault_of_name(name)
            if fault:
                raise InputError(
                    f"{self.path}: the member name {_show(name)} {fault}; pack the archive again without it"
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

    def _find_members(self) -> None:
        splits = {unicodedata.normalize("NFC", folder): split for split, folder in self._layout.items()}
        self.litter = self.outside = 0
        members, folders = [], set()
        for info in self._zip.infolist():
            parts = [part for part in info.filename.split("/") if part not in ("", ".")]
            # A folder's own entry is followed by nothing: it stands here as a file without a name.
            *inside, name = [*parts, ""] if info.is_dir() else parts
            if _is_litter(parts):
                self.litter += not info.is_dir()
                continue
            composed = [unicodedata.normalize("NFC", part) for part in inside]
            starts = [index for index, part in enumerate(composed) if part in splits]
            if not starts:
                self.outside += not info.is_dir()
                continue
            split = splits[composed[starts[-1]]]
            below = composed[starts[-1] + 1 :]
            if len(below) > (split != "pred"):
                self._refuse_nested(info, split)
            label = "".join(below)
            if split != "pred" and label:
                folders.add((split, label))
            if not name:
                continue
            if split != "pred" and not label:
                self.outside += 1
            else:
                members.append(Member(info.filename, split, label, info.file_size))
        self.members = tuple(sorted(members))
        self._check_classes(folders)
        self.classes = tuple(sorted({member.label for member in members if member.split != "pred"}))
        colliding = Counter(_without_case(member.path) for member in members)
        self.case_collisions = sum(times for times in colliding.values() if times > 1)

    def _check_classes(self, folders: set[tuple[str, str]]) -> None:
        """Refuse an archive whose train and test do not hold images of the same classes."""
        filled = {(member.split, member.label) for member in self.members}
        for split in ("train", "test"):
            if not any(member.split == split for member in self.members):
                raise InputError(
                    f"{self.path}: there is no image in {_show(self._layout[split] + '/<class>/')}; "
                    f"check archive.layout.{split} against the folders of the archive"
                )
        for split, label in sorted(folders - filled):
            raise InputError(
                f"{self.path}: the class folder {_show(self._layout[split] + '/' + label)} is empty; "
                "add images or leave the class out"
            )
        for label in sorted({label for _, label in folders}):
            for split, other in (("train", "test"), ("test", "train")):
                if (split, label) not in filled:
                    raise InputError(
                        f"{self.path}: the class {_show(label)} stands in {self._layout[other]} but not in "
                        f"{self._layout[split]}; every class needs images in both"
                    )

    def _refuse_nested(self, info: zipfile.ZipInfo, split: str) -> None:
        where = "directly in " + self._layout[split] if split == "pred" else f"in {self._layout[split]}/<class>"
        raise self._refusal(info, f"lies too deep: images must lie {where}; move them up")

    def _refusal(self, info: zipfile.ZipInfo, what: str) -> InputError:
        return InputError(f"{self.path}: {_show(info.filename)} {what}")


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; run the stage that downloads it") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a zip; pack it first") from None
    except PermissionError:
        raise InputError(f"{path} may not be read; change its permissions") from None
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, struct.error, ValueError, EOFError) as error:
        # What a damaged directory of a zip raises.
        raise _unreadable(path, error) from None
    except OSError as error:
        # It also sends zipfile to a place before the start of the file.
        if error.errno != errno.EINVAL:
            raise
        raise _unreadable(path, error) from None


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


def _is_litter(parts: list[str]) -> bool:
    hidden = any(part == "__MACOSX" or part.startswith(".") for part in parts)
    return hidden or parts[-1].lower() in _LITTER_NAMES


def _without_case(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _show(name: str) -> str:
    """Return a member name for a message: quoted, on one line, not too long."""
    quoted = repr(name)
    return quoted if len(quoted) <= 120 else f"{quoted[:117]}...'"
