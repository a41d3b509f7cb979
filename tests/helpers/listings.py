"""Layouts found in listings of files that exist in memory alone."""

import zlib
from collections.abc import Iterable, Mapping

from scenes.layout.layout import Entry, Found, find_members


def contents(paths: Iterable[str]) -> dict[str, bytes]:
    """Return files of these paths, no two with the same bytes."""
    return {path: path.encode() for path in paths}


def found(
    files: Iterable[str] | Mapping[str, bytes], *, with_crc: bool = True, training: bool = True, **settings: object
) -> Found:
    """Find the layout of files: ``settings`` are those of archive.layout, and paths alone stand for any content."""
    data = dict(files) if isinstance(files, Mapping) else contents(files)
    entries = {path: Entry(len(each), zlib.crc32(each) if with_crc else None) for path, each in data.items()}
    return find_members(entries, settings, data.__getitem__, training=training)


def table_of(layout: Found) -> dict[str, tuple[str, str]]:
    """Return split and label of each member."""
    return {member.path: (member.split, member.label) for member in layout.members}
