"""Photos as people bring them: files, folders and zips, of which some cannot be used.

Whatever is wrong with one is a sentence for whoever brought it; the others are not held up. They come one at a time and
nothing is unpacked to disk, so a large folder takes no more memory than its largest photo and the names in it.
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

import numpy as np

from scenes.archive.safe_zip import DamagedMember, SafeZip, is_litter
from scenes.common.errors import InputError
from scenes.images import decode as images_decode

_SHOWN = 120  # characters of a name
_SEPARATORS = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, direction and line characters, by their Unicode category
# How the names of photos end: of the formats that are read, and of those that people take for one, which are then
# refused rather than passed over. (What Python's mimetypes knows depends on the machine.)
_ENDINGS = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
    *(".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".svg"),
}
# Formats that cameras write and no decoder here reads, by a brand in an ISO media file's head, the newest first.
_BRANDS = {"an AVIF": (b"avif", b"avis"), "a HEIC": (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")}


@dataclass(frozen=True)
class Limits:
    """What is taken from strangers; params.yaml says why these (``archive``).

    Attributes:
        max_member_bytes: of a file, and of a member of a zip.
        max_ratio: of a member of a zip, unpacked to packed.
        max_pixels: of an image.
        max_entries: of a zip, photos or not. To list and check 100,000 takes some 2 seconds and 50 MB.
    """

    max_member_bytes: int
    max_ratio: float
    max_pixels: int
    max_entries: int = 100_000


class Photo(NamedTuple):
    """A photo that has been found, not read yet.

    Attributes:
        name: to show and to tell it by: one line, see :func:`printable`. A member of a zip is called after both.
        read: returns its bytes; raises InputError.
    """

    name: str
    read: Callable[[], bytes]


class Refused(NamedTuple):
    """Something that was brought and cannot be opened, and the sentence that says why."""

    name: str
    sentence: str


def find(paths: Iterable[str | Path], limits: Limits, passed_over: Callable[[str], None]) -> Iterator[Photo | Refused]:
    """Yield the photos that ``paths`` lead to: of files in their order, of folders and zips sorted by name.

    A folder or a zip in which there is none is refused.

    Within folders and zips a file is taken for a photo if its name ends like that of an image; a hidden file and what
    operating systems leave are none.

    Args:
        paths: files, folders (with all folders below; links to folders are not followed) and zips (by their ending).
        passed_over: called with the name of each file in a folder or a zip that is taken for no photo.
    """
    for given in paths:
        path = Path(given)
        if not str(given):  # which would be the folder we are in
            yield Refused("''", "there is no such file")
        elif _is_folder(path):
            yield from _or_nothing(path, _in_folder(path, limits, passed_over))
        elif is_zip(path.name):
            yield from in_zip(path, limits, passed_over)
        else:
            yield _file(path, limits)


def is_zip(name: str) -> bool:
    """Whether a file is taken for a zip: by its name alone, as an image may be a zip at its end."""
    return Path(name).suffix.lower() == ".zip"


def in_zip(
    path: str | Path, limits: Limits, passed_over: Callable[[str], None], file: BinaryIO | None = None
) -> Iterator[Photo | Refused]:
    """Yield the photos in a zip, sorted by name; each must be read before the next one is asked for.

    A zip in which there is none is refused.

    Args:
        passed_over: see :func:`find`.
        file: the zip itself, where it is not on the disk; it is left open.
    """
    return _or_nothing(path, _in_zip(path, limits, passed_over, file))


def decode(data: bytes, limits: Limits) -> np.ndarray:
    """Return the pixels of a photo, uint8 (height, width, 3), upright.

    Raises:
        InputError: they cannot be had; the sentence goes on after the photo's name and a colon.
    """
    if not data:
        raise InputError("it is empty (0 bytes); choose another file")
    if len(data) > limits.max_member_bytes:
        raise InputError(_too_many_bytes(len(data), limits))
    try:
        return images_decode.decode(data, max_pixels=limits.max_pixels).pixels
    except images_decode.ImageProblem as problem:
        raise InputError(_format_problem(problem, data, limits)) from None


def one_line(name: str) -> str:
    """Return ``name`` on one line; what has no shape is written as ``\\x1b``.

    A file's name may hold line ends, terminal commands, marks that turn the reading direction, and bytes that are no
    text.
    """
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _SEPARATORS
        else character
        for character in name
    )


def printable(name: str, shown: int = _SHOWN) -> str:
    """Return ``name`` on one line, see :func:`one_line`, and of at most ``shown`` characters, its middle left out."""
    line = one_line(name)
    return line if len(line) <= shown else f"{line[: (shown - 1) // 2]}…{line[len(line) - shown // 2 :]}"


def _in_zip(
    path: str | Path, limits: Limits, passed_over: Callable[[str], None], file: BinaryIO | None
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
                if _is_image(member):
                    yield Photo(name, partial(_read_member, archive, member))
                else:
                    passed_over(name)
    except InputError as error:
        yield Refused(one_line(str(path)), _of_zip(path, error))


def _in_folder(folder: Path, limits: Limits, passed_over: Callable[[str], None]) -> Iterator[Photo | Refused]:
    waiting = [str(folder)]  # what comes next stands last
    while waiting:
        path = Path(waiting.pop())
        try:
            # The folder that was brought may be a link; one in it could lead anywhere, also back.
            if stat.S_ISDIR(path.stat(follow_symlinks=path == folder).st_mode):
                with os.scandir(path) as entries:
                    waiting += sorted((entry.path for entry in entries if not is_litter([entry.name])), reverse=True)
                continue
        except OSError as error:
            yield Refused(one_line(str(path)), _unreadable(error))
            continue
        if _is_image(path.name):
            yield _file(path, limits)
        else:
            passed_over(one_line(str(path)))


def _or_nothing(path: str | Path, found: Iterable[Photo | Refused]) -> Iterator[Photo | Refused]:
    empty = True
    for photo in found:
        empty = False
        yield photo
    if empty:
        yield Refused(one_line(str(path)), "there is no image in it")


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False  # whoever opens it is told why


def _file(path: Path, limits: Limits) -> Photo:
    def read() -> bytes:
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limits.max_member_bytes:
                raise InputError(_too_many_bytes(size, limits))
            try:
                return file.read(limits.max_member_bytes + 1)  # more, if it is being written
            except OSError as error:
                raise InputError(_unreadable(error)) from None

    return Photo(one_line(str(path)), read)


def _opened(path: Path) -> BinaryIO:
    """Open a file; raises InputError if there is none."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path.open("rb")
    except (OSError, ValueError) as error:
        raise InputError(_unreadable(error)) from None
    if stat.S_ISDIR(mode):
        raise InputError("it is a folder, not a file")
    # To read one may take for ever.
    raise InputError("it is a pipe or a device, not a file; save the photo first")


def _unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return f"it can't be read ({one_line(getattr(error, 'strerror', None) or str(error))})"


def _read_member(archive: SafeZip, member: str) -> bytes:
    try:
        return archive.read(member)
    except DamagedMember:
        raise InputError("it is damaged within the zip; pack it again") from None
    except OSError as error:
        raise InputError(_unreadable(error)) from None
    except InputError as error:
        raise InputError(_of_zip(archive.path, error)) from None


def _of_zip(path: str | Path, error: InputError) -> str:
    """Return what is said of a zip without its name, which stands before every sentence."""
    said, name = str(error), str(Path(path))
    if said.startswith(f"{name}: "):
        said = said.removeprefix(f"{name}: ")
    elif said.startswith(f"{name} "):
        said = f"it{said.removeprefix(name)}"
    return printable(said, shown=400)


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in _ENDINGS


def _too_many_bytes(size: int, limits: Limits) -> str:
    return (
        f"it has {size / 1e6:,.1f} MB, more than the {limits.max_member_bytes / 1e6:,g} MB that are taken "
        "(archive.max_member_bytes); make it smaller"
    )


def _format_problem(problem: images_decode.ImageProblem, data: bytes, limits: Limits) -> str:
    if problem.reason == images_decode.TOO_MANY_PIXELS:
        size = f"{problem.width:,} x {problem.height:,} pixels are" if problem.width else "it has"
        return f"{size} more than the {limits.max_pixels:,} pixels that are taken (archive.max_pixels); make it smaller"
    if problem.reason == images_decode.CORRUPT:
        return "the image is damaged or cut short; save or download it again"
    formats = f"{', '.join(images_decode.FORMATS[:-1])} and {images_decode.FORMATS[-1]}"
    return f"{_stranger(data)} (read are {formats})"


def _stranger(data: bytes) -> str:
    """Return what to say of a file in no format that is read; of those that people take for photos, what to do."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data[4:8] == b"ftyp":
        brands = {data[place : place + 4] for place in range(8, min(int.from_bytes(data[:4]), 256), 4)}
        for kind, known in _BRANDS.items():
            if not brands.isdisjoint(known):
                return f"this is {kind} photo, which can't be read here; export it as JPEG"
    if head.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in head:
        return "this is an SVG drawing, which can't be read here; export it as JPEG"
    if head.startswith((b"<!doctype html", b"<html")):
        return "this is a web page; save the photo that is on it"
    if head.startswith(b"%pdf"):
        return "this is a PDF, which can't be read here; export it as JPEG"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "this is a zip, but its name does not end in .zip"
    return "this is no image that can be read; choose another file"
