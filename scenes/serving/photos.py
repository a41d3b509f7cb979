"""Photos from people: files, folders and zips, some of which cannot be used.

A photo that cannot be used gives a sentence for the person who brought it; the others go on. Photos are read one at a
time and nothing is unpacked to disk, so a folder takes no more memory than its largest photo and the names in it.
"""

import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from scenes.archive.safe_zip import DamagedMember, SafeZip, is_litter
from scenes.common.errors import InputError
from scenes.common.suffixes import is_image
from scenes.common.words import shortened
from scenes.images.decode import CORRUPT, TOO_MANY_PIXELS, Decoded, ImageProblem, is_web_page
from scenes.images.decode import decode as decode_image
from scenes.images.formats import FORMATS, format_not_read

_SHOWN_NAME = 120  # characters
_SHOWN_SENTENCE = 400
# Why files are skipped:
_NO_IMAGES = "their names are not those of images"
_LINKS = "they are links, which are followed only if their names are those of images"
_ZIPS = "zips inside a folder or a zip are not opened; give them by themselves"
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories of control, direction and line characters


@dataclass(frozen=True)
class Limits:
    """Limits for files from strangers. params.yaml gives the reasons for the values (``archive``).

    Attributes:
        max_member_bytes: size of a file or of a member of a zip.
        max_ratio: unpacked to packed size of a member of a zip.
        max_pixels: pixels of an image.
        max_entries: entries of a zip, photos or not. Listing and checking 100,000 takes about 2 seconds and 50 MB.
    """

    max_member_bytes: int
    max_ratio: float
    max_pixels: int
    max_entries: int = 100_000


class Photo(NamedTuple):
    """A photo that has been found but not read.

    Attributes:
        name: identifies it, on one line, see :func:`one_line`. That of a member of a zip begins with the zip's.
        read: returns its bytes; raises InputError.
    """

    name: str
    read: Callable[[], bytes]


class Skipped(NamedTuple):
    """A file in a folder or zip that does not count as a photo, and why such files do not."""

    name: str
    why: str


class Refused(NamedTuple):
    """A file, folder or zip that cannot be used, and a sentence that says why."""

    name: str
    sentence: str


def find(paths: Iterable[str | Path], limits: Limits, skipped: Callable[[Skipped], None]) -> Iterator[Photo | Refused]:
    """Yield the photos in ``paths``: files in their order, the contents of folders and zips sorted by name.

    In folders and zips a file counts as a photo if it has the suffix of an image. Hidden files and the files that
    operating systems leave behind do not count. A folder or zip without photos is refused.

    Args:
        paths: files, folders (including all folders below, but not links to folders) and zips (by their suffix).
        skipped: called with each file in a folder or zip that does not count as a photo.
    """
    for name in paths:
        path = Path(name)
        if not str(name):  # Path("") is the current folder
            yield Refused("''", "there is no such file")
        elif _is_folder(path):
            yield from _refused_if_empty(path, _in_folder(path, limits, skipped))
        elif is_zip(path.name):
            yield from in_zip(path, limits, skipped)
        else:
            yield _file(path, limits)


def is_zip(name: str) -> bool:
    """Return whether a file counts as a zip. Only the name tells, because an image may end with a zip."""
    return Path(name).suffix.lower() == ".zip"


def in_zip(
    path: str | Path, limits: Limits, skipped: Callable[[Skipped], None], file: BinaryIO | None = None
) -> Iterator[Photo | Refused]:
    """Yield the photos in a zip, sorted by name; read each before asking for the next. A zip without any is refused.

    Args:
        path: the zip, or its name if ``file`` is given.
        limits: see :class:`Limits`.
        skipped: see :func:`find`.
        file: the open zip, if it is not on disk; it stays open.
    """
    return _refused_if_empty(path, _in_zip(path, limits, skipped, file))


def skipped_in_words(skipped: Iterable[Skipped], shown: int) -> list[str]:
    """Return a line for each reason: how many files were skipped, why, and the names of the first ``shown``."""
    names: dict[str, list[str]] = {}
    for name, why in skipped:
        names.setdefault(why, []).append(name)
    return [f"{len(each):,} skipped, because {why}: {shortened(each, shown)}" for why, each in names.items()]


def decode(data: bytes, limits: Limits) -> Decoded:
    """Return a photo with its pixels, uint8 (height, width, 3), upright; it may be ``damaged``.

    Raises:
        InputError: the photo cannot be used. The message continues after the photo's name and a colon.
    """
    if not data:
        raise InputError("it is empty (0 bytes); choose another file")
    if len(data) > limits.max_member_bytes:
        raise InputError(_too_many_bytes(len(data), limits))
    try:
        return decode_image(data, max_pixels=limits.max_pixels)
    except ImageProblem as problem:
        raise InputError(_format_problem(problem, data, limits)) from None


def one_line(name: str) -> str:
    """Return ``name`` on one line, with invisible characters escaped, such as ``\\x1b``.

    A file name may contain line ends, terminal commands, marks that reverse the reading direction, and invalid bytes.
    """
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _INVISIBLE
        else character
        for character in name
    )


def printable(name: str, shown: int = _SHOWN_NAME) -> str:
    """Return ``name`` on one line (see :func:`one_line`), its middle left out if it is longer than ``shown``."""
    line = one_line(name)
    return line if len(line) <= shown else f"{line[: (shown - 1) // 2]}…{line[len(line) - shown // 2 :]}"


def _in_zip(
    path: str | Path, limits: Limits, skipped: Callable[[Skipped], None], file: BinaryIO | None
) -> Iterator[Photo | Refused]:
    try:
        with (
            nullcontext(file) if file else _opened(Path(path)) as opened,
            SafeZip(
                path, limits.max_member_bytes, limits.max_ratio, max_entries=limits.max_entries, file=opened
            ) as archive,
        ):
            for member in sorted(archive.files):
                parts = [part for part in member.split("/") if part not in ("", ".")]
                name = one_line(f"{path}/{member}")
                if is_litter(parts):
                    continue
                if is_image(member):
                    yield Photo(name, partial(_read_member, archive, member))
                else:
                    skipped(Skipped(name, _ZIPS if is_zip(member) else _NO_IMAGES))
    except InputError as error:
        yield Refused(one_line(str(path)), _without_name(path, error))


def _in_folder(folder: Path, limits: Limits, skipped: Callable[[Skipped], None]) -> Iterator[Photo | Refused]:
    waiting = [str(folder)]  # the next one is last
    while waiting:
        path = Path(waiting.pop())
        try:
            # The folder itself may be a link. A link inside it could lead anywhere, also back.
            if stat.S_ISDIR(path.stat(follow_symlinks=path == folder).st_mode):
                with os.scandir(path) as entries:
                    waiting += sorted((entry.path for entry in entries if not is_litter([entry.name])), reverse=True)
                continue
        except OSError as error:
            yield Refused(one_line(str(path)), _unreadable(error))
            continue
        if is_image(path.name):
            yield _file(path, limits)
        else:
            why = _ZIPS if is_zip(path.name) else _LINKS if path.is_symlink() else _NO_IMAGES
            skipped(Skipped(one_line(str(path)), why))


def _refused_if_empty(path: str | Path, entries: Iterable[Photo | Refused]) -> Iterator[Photo | Refused]:
    empty = True
    for photo in entries:
        empty = False
        yield photo
    if empty:
        yield Refused(one_line(str(path)), "it contains no image")


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False  # opening it will say why


def _file(path: Path, limits: Limits) -> Photo:
    def read() -> bytes:
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limits.max_member_bytes:
                raise InputError(_too_many_bytes(size, limits))
            try:
                return file.read(limits.max_member_bytes + 1)  # it may grow while it is read
            except OSError as error:
                raise InputError(_unreadable(error)) from None

    return Photo(one_line(str(path)), read)


def _opened(path: Path) -> BinaryIO:
    """Open a regular file; raise InputError if it is something else or cannot be read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path.open("rb")
    except (OSError, ValueError) as error:
        raise InputError(_unreadable(error)) from None
    if stat.S_ISDIR(mode):
        raise InputError("it is a folder, not a file")
    # Reading it may never end.
    raise InputError("it is a pipe or a device, not a file; save the photo first")


def _unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return f"it cannot be read ({one_line(getattr(error, 'strerror', None) or str(error))})"


def _read_member(archive: SafeZip, member: str) -> bytes:
    try:
        return archive.read(member)
    except DamagedMember:
        raise InputError("it is damaged within the zip; pack it again") from None
    except OSError as error:
        raise InputError(_unreadable(error)) from None
    except InputError as error:
        raise InputError(_without_name(archive.path, error)) from None


def _without_name(path: str | Path, error: InputError) -> str:
    """Return the message of an error about a zip without the zip's name, which precedes every sentence."""
    message, name = str(error), str(Path(path))
    if message.startswith(f"{name}: "):
        message = message.removeprefix(f"{name}: ")
    elif message.startswith(f"{name} "):
        message = f"it{message.removeprefix(name)}"
    return printable(message, shown=_SHOWN_SENTENCE)


def _too_many_bytes(size: int, limits: Limits) -> str:
    return (
        f"it has {size / 1e6:,.1f} MB, more than the {limits.max_member_bytes / 1e6:,g} MB allowed "
        "(archive.max_member_bytes); make it smaller"
    )


def _format_problem(problem: ImageProblem, data: bytes, limits: Limits) -> str:
    if problem.reason == TOO_MANY_PIXELS:
        size = f"{problem.width:,} x {problem.height:,} pixels are" if problem.width else "it has"
        return f"{size} more than the {limits.max_pixels:,} pixels allowed (archive.max_pixels); make it smaller"
    if problem.reason == CORRUPT:
        return "the image is damaged or cut short; save or download it again"
    return f"{_format_unsupported(data)} (supported: {', '.join(FORMATS[:-1])} and {FORMATS[-1]})"


def _format_unsupported(data: bytes) -> str:
    """Return a sentence about a file in no supported format, with advice for those that people take for photos."""
    if name := format_not_read(data):
        kind = {"HEIC": "a HEIC photo", "SVG": "an SVG drawing"}.get(name, f"a {name} photo")
        return f"this is {kind}, which cannot be read here; export it as JPEG"
    if is_web_page(data):
        return "this is a web page; save the photo that is on it"
    if data[:1024].lstrip().lower().startswith(b"%pdf"):
        return "this is a PDF, which cannot be read here; export it as JPEG"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "this is a zip, but its name does not end in .zip"
    return "this is not a readable image; choose another file"
