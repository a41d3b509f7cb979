"""Parts of messages: counts, names and lists."""

import difflib
from collections.abc import Iterable, Sequence


def count(number: int, noun: str, plural: str = "") -> str:
    """Return e.g. '1 image' or '1,200 images'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def show(name: str, most: int = 120) -> str:
    """Return a name that is not ours, such as that of a member: quoted, on one line, at most ``most`` characters."""
    quoted = repr(name)
    return quoted if len(quoted) <= most else f"{quoted[: most - 3]}...'"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, quoted, and how many more there are: ``'a', 'b' and 3 more``."""
    shown = [show(name, 60) for name in names[:most]]
    if len(names) > most:
        shown.append(f"{len(names) - most:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def shortened(texts: Iterable[str], shown: int = 5) -> str:
    """Return the first texts and how many more there are: ``a, b, c and 1,200 more``."""
    texts = list(texts)
    more = f" and {len(texts) - shown:,} more" if len(texts) > shown else ""
    return ", ".join(texts[:shown]) + more


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return which of the ``known`` names is spelled most like ``name``; None if none is much like it."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the end of a message on a ``name`` that is not one of ``known``: the nearest, or which there are."""
    known = list(known)
    near = nearest(name, known)
    return f"did you mean `{near}`?" if near else f"use one of {shortened(known, 12)}"
