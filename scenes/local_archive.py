"""An archive that lies on this machine already."""

import shutil
from pathlib import Path

from scenes.errors import InputError
from scenes.partial import check_room


def copy_archive(place: str, path: str | Path) -> None:
    """Copy the file that ``file:<place>`` names to ``path``.

    Args:
        place: absolute, relative to the working directory, or starting with ``~``.
        path: where the copy goes.

    Raises:
        InputError: nothing is there, it is a folder or no regular file, it may not be read, or it does not fit.
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
        raise InputError(f"file:{place} may not be read; change its permissions, or copy it") from None
