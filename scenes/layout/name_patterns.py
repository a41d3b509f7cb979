"""Labels in the names of files: by the user's pattern, or proposing one."""

import re
from collections import Counter
from collections.abc import Sequence

from scenes.common.errors import InputError

# Common forms; the first in which all names agree is proposed.
_FORMS = (
    r"^(?P<label>.*?[^\W\d_])[\W\d_]*\.\w+$",  # cat.0.jpg, great_dane_012.jpg, cat (3).jpg
    r"^[^_]*_(?P<label>.+)\.\w+$",  # n01440764_cat.JPEG
    r"^[^-]*-(?P<label>.+)\.\w+$",
    r"^(?P<label>[^_]+)_.+$",  # cat_a81f.jpg
    r"^(?P<label>[^-]+)-.+$",
)
_MOST_CLASSES = 1000
_LOOKED_AT = 20_000


def compile_pattern(pattern: str, setting: str) -> re.Pattern[str]:
    """Compile a user's regular expression.

    Raises:
        InputError: it is none; ``setting`` is named in the message.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InputError(f"{setting}: {pattern!r} is not a regular expression ({error})") from None


def label_pattern(pattern: str) -> re.Pattern[str]:
    """Compile the pattern of ``archive.layout.labels: name:<pattern>``.

    Raises:
        InputError: it is not a regular expression, or has no group called ``label``.
    """
    compiled = compile_pattern(pattern, "archive.layout.labels")
    if "label" not in compiled.groupindex:
        raise InputError(
            f"archive.layout.labels: the pattern {pattern!r} has no group (?P<label>...), which says what the class is"
        )
    return compiled


def label_in(pattern: re.Pattern[str], path: str) -> str:
    """Return the class in the name of a file; '' if the pattern is not in it."""
    match = pattern.search(path.rpartition("/")[2])
    return (match["label"] or "").strip() if match else ""


def propose(paths: Sequence[str]) -> tuple[str, Counter[str]] | None:
    """Return a pattern that sorts the names of files into classes, and the images of each; None if none fits.

    It fits if it is in all names and makes two classes or more, of three images each on average and two at least.
    """
    paths = paths[:: len(paths) // _LOOKED_AT + 1]
    for form in _FORMS:
        pattern = re.compile(form)
        counts = Counter(label_in(pattern, path) for path in paths)
        if "" not in counts and 2 <= len(counts) <= min(_MOST_CLASSES, len(paths) // 3) and min(counts.values()) >= 2:
            return form, counts
    return None
