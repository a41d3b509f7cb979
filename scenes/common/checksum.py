"""The size and the hash of a file, compared with expected values."""

import hashlib
from pathlib import Path

from scenes.common.errors import InputError


def file_hash(path: str | Path, algorithm: str = "sha256") -> str:
    """Return the hash of a file in lower-case hex digits, read in pieces."""
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
    """Check the size and the hashes of a file. What is None is not checked.

    Args:
        path: the file.
        what: where it came from, for the error message.
        expected_bytes: its size.
        expected_sha256: hex digits, upper or lower case.
        expected_md5: hex digits, for publishers that give no better hash.

    Raises:
        InputError: the size or a hash differs.
    """
    check_size(Path(path).stat().st_size, what, expected_bytes)
    for algorithm, expected in (("sha256", expected_sha256), ("md5", expected_md5)):
        if expected is not None and (actual := file_hash(path, algorithm)) != expected.lower():
            raise InputError(
                f"{what}: its {algorithm} is {actual} instead of the expected {expected.lower()}: "
                "it changed at its source or during transfer; run again, or correct the expected hash"
            )


def check_size(actual: int, what: object, expected: int | None) -> None:
    """Raise InputError if a file of ``actual`` bytes does not have the ``expected`` size; None accepts any size."""
    if expected is not None and actual != expected:
        raise InputError(
            f"{what}: it has {actual} bytes instead of the expected {expected}: "
            "another file or another version; check the source, or correct the expected size"
        )
