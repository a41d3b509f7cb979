"""The names in a zip that does not say how they are encoded.

A flag marks names in UTF-8. Without it the names should be in cp437, the code page of the first PCs, and zipfile reads
them so. In fact they are in whatever the system used: UTF-8 (Info-ZIP on Linux), or GBK, Shift-JIS or cp866 (the
Windows Explorer of a Chinese, Japanese or Russian system).
"""

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

from scenes.common.errors import InputError

CP437 = "cp437"
# What systems write. Of two that read a name alike, the first is proposed.
_PLAUSIBLE = (
    *("gbk", "gb18030", "shift_jis", "cp932", "cp949", "big5", "cp950", "cp866", "cp1251", "cp1252", "cp1250"),
    *("cp1253", "cp1254", "cp1255", "cp1256", "cp874", "cp850"),
)
_MOST_READINGS, _SHOWN = 7, 16  # readings in a message, and characters of each
_UTF8_FLAG, _UNICODE_PATH = 0x800, 0x7075


def decode_names(infos: Sequence[zipfile.ZipInfo], encoding: str | None, *, strict: bool) -> str:
    """Give entries whose encoding is not stated the names that were meant.

    Args:
        infos: all entries of a zip as zipfile lists them; their ``filename`` is changed. ``orig_filename`` is not,
            because zipfile compares it with the name beside the data.
        encoding: of the names, any text encoding of Python; None: UTF-8 if that is valid for all of them.
        strict: refuse names that are not in UTF-8 if ``encoding`` is None. Otherwise they are read as cp437.

    Returns:
        A sentence that says how the names were read; '' if all of them state it or are in ASCII.

    Raises:
        InputError: the names are not in ``encoding``, or it is None and they are not in UTF-8.
    """
    undeclared = []
    for info in infos:
        if info.flag_bits & _UTF8_FLAG:
            continue
        if name := _unicode_path(info):
            info.filename = name
        elif not info.filename.isascii():
            undeclared.append(info)
    if not undeclared:
        return ""
    raw = [_raw(info) for info in undeclared]
    names = _decoded(raw, encoding or "utf-8")
    if names is None:
        if encoding is None and not strict:
            return ""
        raise InputError(_refusal(raw, encoding))
    for info, name in zip(undeclared, names, strict=True):
        info.filename = name
    how = f"{encoding}, as archive.name_encoding says" if encoding else "UTF-8, which they are valid in"
    return (
        f"{len(names):,} names do not say how they are encoded and were read as {how}, "
        f"e.g. {_part(names[_shortest(raw)])!r}"
    )


def original_name(info: zipfile.ZipInfo) -> str:
    """Return the whole name of an entry, with what zipfile cuts at a NUL, in the encoding of its ``filename``."""
    if info.flag_bits & _UTF8_FLAG or "\0" in info.orig_filename:
        return info.orig_filename
    return info.filename


def _raw(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.partition("\0")[0].encode(CP437)


def _unicode_path(info: zipfile.ZipInfo) -> str:
    """Return the UTF-8 name that an entry states in an extra field; '' if none is valid for its name.

    Python reads this field from 3.12 on: the names must not depend on its version.
    """
    for kind, data in _extra_fields(info.extra):
        if kind == _UNICODE_PATH and len(data) > 5 and data[0] == 1:
            (crc,) = struct.unpack_from("<L", data, 1)
            if crc == zlib.crc32(info.orig_filename.encode(CP437)):
                try:
                    return data[5:].decode("utf-8")
                except UnicodeDecodeError:
                    return ""
    return ""


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        yield kind, extra[4 : 4 + length]
        extra = extra[4 + length :]


def _decoded(raw: Sequence[bytes], encoding: str) -> list[str] | None:
    """Return the names in ``encoding``; None if one of them is not."""
    try:
        return [name.decode(encoding) for name in raw]
    except UnicodeDecodeError:
        return None
    except LookupError:
        raise InputError(
            f"archive.name_encoding is {encoding!r}, which is not an encoding; examples are utf-8, gbk and shift_jis"
        ) from None


def _refusal(raw: Sequence[bytes], encoding: str | None) -> str:
    """Return a sentence that shows how a name reads in each encoding that all names can be in."""
    index = _shortest(raw)
    readings: dict[str, str] = {}
    for codec in _PLAUSIBLE:
        names = _decoded(raw, codec)
        if names and all(map(_is_printable, names)):
            readings.setdefault(_part(names[index])[:_SHOWN], codec)
    likely = sorted(readings.items(), key=lambda item: -_plausibility(item[0]))[:_MOST_READINGS]
    as_zipfile_reads = _part(raw[index].decode(CP437))[:_SHOWN]
    choices = ", ".join(f"{reading!r} in {codec}" for reading, codec in [*likely, (as_zipfile_reads, CP437)])
    if encoding:
        fault = f"not all names in the zip are in {encoding}, as archive.name_encoding says"
    else:
        fault = f"{len(raw):,} names in the zip do not say how they are encoded, and they are not in UTF-8"
    return f"{fault}; one of them is {choices}: set archive.name_encoding to the encoding in which it reads right"


def _shortest(raw: Sequence[bytes]) -> int:
    return min(range(len(raw)), key=lambda index: (len(raw[index]), raw[index]))


def _part(name: str) -> str:
    """Return the first part of a path that is not in ASCII."""
    return next((part for part in name.split("/") if not part.isascii()), name)


def _is_printable(name: str) -> bool:
    return not any(unicodedata.category(character).startswith("C") for character in name)


def _plausibility(text: str) -> float:
    """Return the share of letters in what is not ASCII, less if words mix Latin letters with those of the East."""
    others = [unicodedata.category(character) for character in text if not character.isascii()]
    letters = sum(category.startswith("L") for category in others) / max(1, len(others))
    mixed = any(
        one.isascii() and one.isalpha() and unicodedata.category(other) == "Lo"
        for pair in pairwise(text)
        for one, other in (pair, pair[::-1])
    )
    return letters - mixed / 2
