"""Size and hash of a file, against what was expected of it."""

import hashlib
from pathlib import Path

from scenes.common.errors import InputError


def file_hash(path: str | Path, algorithm: str = "sha256") -> str:
    """Return the hash of the file at ``path`` in lower-case hex digits; memory does not grow with its size."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def check_file(
    path: str | Path,
    what: object,
    *,
    expected_bytes: int | None = None,
    expected_sha256: str | None = None,
    expected_md5: str | None = None,
) -> None:
    """Compare the file at ``path`` with what is expected of it; None expects nothing.

    Args:
        path: the file.
        what: where it came from, for the error message.
        expected_bytes: size in bytes.
        expected_sha256: hex digits, in either case.
        expected_md5: the same, for files whose publisher gives no better hash.

    Raises:
        InputError: size or hash differ.
    """
    check_size(Path(path).stat().st_size, what, expected_bytes)
    for algorithm, expected in (("sha256", expected_sha256), ("md5", expected_md5)):
        if expected is not None and (found := file_hash(path, algorithm)) != expected.lower():
            raise InputError(
                f"{what}: its {algorithm} is {found} where {expected.lower()} is expected; "
                "it changed at its source or on the way: run again, or correct the expected hash"
            )


def check_size(found: int, what: object, expected: int | None) -> None:
    """Raise InputError unless ``found`` is the ``expected`` size; both in bytes, None expects nothing."""
    if expected is not None and found != expected:
        raise InputError(
            f"{what}: it has {found} bytes where {expected} are expected; "
            "it is another file or another version of it: check the source, or correct the expected size"
        )
