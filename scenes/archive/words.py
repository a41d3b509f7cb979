"""Counts and names in messages about an archive."""

from collections.abc import Sequence

from scenes.archive.safe_zip import show


def count(number: int, noun: str, plural: str = "") -> str:
    """Return e.g. '1 image' or '1,200 images'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, quoted, and how many more there are: 'a', 'b' and 3 more."""
    shown = [show(name, 60) for name in names[:most]]
    if len(names) > most:
        shown.append(f"{len(names) - most:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
