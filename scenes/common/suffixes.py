"""What a file is by the suffix of its name. Python's mimetypes depends on the machine."""

from pathlib import PurePosixPath

# Pictures: of the formats that can be read, and of those that people expect to work, which are then refused by name
# rather than skipped.
IMAGES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"),
        *(".pnm", ".pbm", ".pgm", ".ppm", ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".svg"),
    }
)
# Tables of labels.
TABLES = frozenset({".csv", ".tsv", ".jsonl", ".txt"})


def suffix(name: str) -> str:
    """Return the suffix of a path in lower case with its dot; '' if it has none."""
    return PurePosixPath(name).suffix.lower()


def is_image(name: str) -> bool:
    """Return whether a file counts as a picture."""
    return suffix(name) in IMAGES


def is_table(name: str) -> bool:
    """Return whether a file may be a table of labels."""
    return suffix(name) in TABLES
