"""What the audit says: its findings in a few lines."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scenes.archive.safe_zip import show
from scenes.archive.words import count
from scenes.dataset.audit_table import FATAL, NOTED

_MOST_PAIRS = 3  # of mirrored classes, each a line
_PROBLEMS = {
    "not_an_image": "not an image",
    "web_page": "a web page",
    "corrupt": "corrupt",
    "too_many_pixels": "too large",
    "damaged": "damaged",
    "wrong_format": "of another format than its suffix",
    "odd_mode": "not stored as RGB",
    "odd_size": "of an unusual size",
}
_SPREAD = {"train_and_test": "in both train and test", "conflicting_labels": "under several labels"}


def lines(numbers: Mapping[str, Any], mirrored_classes: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each kind of finding, the most important first.

    Args:
        numbers: see ``scenes.dataset.audit_table.summary``.
        mirrored_classes: see ``scenes.dataset.audit.Audit``.
    """
    for first, second in mirrored_classes[:_MOST_PAIRS]:
        yield f"the mirror image of {show(first, 60)} looks like {show(second, 60)}: set augmentation.flip: false"
    if len(mirrored_classes) > _MOST_PAIRS:
        yield f"so it is with {count(len(mirrored_classes) - _MOST_PAIRS, 'more pair')} of classes"
    for words, fate in ((FATAL, "unusable"), (NOTED, "odd, but usable")):
        counts = [f"{numbers['problems'][word]:,} {_PROBLEMS[word]}" for word in words if numbers["problems"][word]]
        if counts:
            yield f"{fate}: {', '.join(counts)}"
    near = numbers["duplicates"]["near"]
    if near["groups"]:
        parts = [f"duplicates: {near['images']:,} images in {count(near['groups'], 'group')}"]
        for key, place in (
            ("train_and_test", "in both train and test"),
            ("conflicting_labels", "under several labels"),
        ):
            if near[key]["groups"]:
                parts.append(f"{count(near[key]['groups'], 'group')} {place}")
        yield "; ".join(parts)
