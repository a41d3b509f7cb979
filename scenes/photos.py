"""Photos as people bring them: files, folders and zips, of which some cannot be used.

Whatever is wrong with one is a sentence for whoever brought it; the others are not held up. They come one at a time and
nothing is unpacked, so a large folder takes no more memory than its largest photo.
"""

import io
import mimetypes
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scenes import images
from scenes.errors import InputError
from scenes.safe_zip import DamagedMember, SafeZip, is_litter

_SHOWN = 120  # characters of a name
_SEPARATORS = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, direction and line characters, by their Unicode category
# Formats that cameras and drawing programs write and no decoder here reads, by the brand in an ISO media file's head.
_BRANDS = {b"heic": "a HEIC", b"heix": "a HEIC", b"mif1": "a HEIC", b"msf1": "a HEIC", b"avif": "an AVIF"}


@dataclass(frozen=True)
class Limits:
    """What is taken from strangers; params.yaml says why these (``archive``).

    Attributes:
        max_member_bytes: of a file, and of a member of a zip.
        max_ratio: of a member of a zip, unpacked to packed.
        max_pixels: of an image.
    """

    max_member_bytes: int
    max_ratio: float
    max_pixels: int


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

    Within folders and zips a file is taken for a photo if its name ends like that of an image; a hidden file and what
    operating systems leave are none.

    Args:
        paths: files, folders (with all folders below; links to folders are not followed) and zips (by their ending).
        passed_over: called with the name of each file in a folder or a zip that is taken for no photo.
    """
    for path in map(Path, paths):
        if path.is_dir():
            for below in sorted(path.rglob("*")):
                if is_litter(list(below.relative_to(path).parts)) or not below.is_file():
                    continue
                if _is_image(below.name):
                    yield _file(below, limits)
                else:
                    passed_over(printable(str(below)))
        elif path.suffix.lower() == ".zip":
            yield from in_zip(path, limits, passed_over)
        else:
            yield _file(path, limits)


def in_zip(
    path: str | Path, limits: Limits, passed_over: Callable[[str], None], file: io.BufferedIOBase | None = None
) -> Iterator[Photo | Refused]:
    """Yield the photos in a zip, sorted by name; each must be read before the next one is asked for.

    Args:
        file: the zip itself, where it is not on the disk.
        passed_over: see :func:`find`.
    """
    name = printable(str(path))
    try:
        archive = SafeZip(path, limits.max_member_bytes, limits.max_ratio, file=file)
    except InputError as error:
        said = str(error).removeprefix(str(Path(path)))  # the name stands before every sentence
        yield Refused(name, printable(said.removeprefix(": ") if said.startswith(": ") else f"it{said}", shown=400))
        return
    with archive:
        for member in sorted(archive.files):
            parts = [part for part in member.split("/") if part not in ("", ".")]
            if is_litter(parts):
                continue
            inside = printable(f"{path}/{member}")
            if not _is_image(member):
                passed_over(inside)
                continue

            def read(member: str = member) -> bytes:
                try:
                    return archive.read(member)
                except DamagedMember:
                    raise InputError("it is damaged within the zip; pack it again") from None

            yield Photo(inside, read)


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
        return images.decode(data, max_pixels=limits.max_pixels).pixels
    except images.ImageProblem as problem:
        raise InputError(_sentence(problem, data, limits)) from None


def printable(name: str, shown: int = _SHOWN) -> str:
    """Return ``name`` on one line and of at most ``shown`` characters; what has no shape is written as ``\\x1b``.

    A file's name may hold line ends, terminal commands, marks that turn the reading direction, and bytes that are no
    text.
    """
    line = "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _SEPARATORS
        else character
        for character in name
    )
    return line if len(line) <= shown else f"{line[: shown // 2 - 1]}…{line[-(shown // 2) :]}"


def _file(path: Path, limits: Limits) -> Photo:
    def read() -> bytes:
        try:
            size = path.stat().st_size
            if path.is_file() and size > limits.max_member_bytes:
                raise InputError(_too_many_bytes(size, limits))
            return path.read_bytes()
        except FileNotFoundError:
            raise InputError("there is no such file") from None
        except OSError as error:
            raise InputError(f"it can't be read ({error.strerror or error})") from None

    return Photo(printable(str(path)), read)


def _is_image(name: str) -> bool:
    return (mimetypes.guess_type(name.rpartition("/")[2])[0] or "").startswith("image/")


def _too_many_bytes(size: int, limits: Limits) -> str:
    return (
        f"it has {size / 1e6:,.1f} MB, more than the {limits.max_member_bytes / 1e6:,.0f} MB that are taken "
        "(archive.max_member_bytes); make it smaller"
    )


def _sentence(problem: images.ImageProblem, data: bytes, limits: Limits) -> str:
    if problem.word == images.TOO_MANY_PIXELS:
        size = f"{problem.width:,} x {problem.height:,} pixels are" if problem.width else "it has"
        return (
            f"{size} more than the {limits.max_pixels / 1e6:,.0f} million that are taken (archive.max_pixels); "
            "make it smaller"
        )
    if problem.word == images.CORRUPT:
        return "the image is damaged or cut short; save or download it again"
    formats = f"{', '.join(images.FORMATS[:-1])} and {images.FORMATS[-1]}"
    if kind := _stranger(data):
        return f"this is {kind}, which can't be read here; export it as JPEG (read are {formats})"
    return f"this is no image that can be read (read are {formats})"


def _stranger(data: bytes) -> str:
    """Return what a file is that people take for a photo, or ''."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        return f"{_BRANDS[data[8:12]]} photo"
    if head.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in head:
        return "an SVG drawing"
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if head.startswith(b"%pdf"):
        return "a PDF"
    if data.startswith(b"PK\x03\x04"):
        return "a zip under another name"
    return ""
