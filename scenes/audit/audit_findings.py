"""The audit's findings in a few lines."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scenes.audit.audit_table import FATAL, NOTED, usable
from scenes.common.words import count, shortened, show
from scenes.images.formats import not_read

if TYPE_CHECKING:
    import pandas as pd

_FEW = 10  # images; with fewer, a class's scores say next to nothing
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


def lines(
    numbers: Mapping[str, Any],
    mirrored_classes: Sequence[tuple[str, str]],
    formats_not_read: Mapping[str, str] = {},
) -> Iterator[str]:
    """Yield a line for each kind of finding, the most important first.

    Args:
        numbers: see ``scenes.audit.audit_table.summary``.
        mirrored_classes: see ``scenes.audit.audit.Audit``.
        formats_not_read: ``not_read`` there.
    """
    for first, second in mirrored_classes[:_MOST_PAIRS]:
        yield f"the mirror image of {show(first, 60)} looks like {show(second, 60)}: set augmentation.flip: false"
    if len(mirrored_classes) > _MOST_PAIRS:
        yield f"the same holds for {count(len(mirrored_classes) - _MOST_PAIRS, 'more pair')} of classes"
    for words, fate in ((FATAL, "unusable"), (NOTED, "odd, but usable")):
        counts = [f"{numbers['problems'][word]:,} {_PROBLEMS[word]}" for word in words if numbers["problems"][word]]
        if counts:
            yield f"{fate}: {', '.join(counts)}"
    yield from not_read(formats_not_read.values())
    near = numbers["duplicates"]["near"]
    if near["groups"]:
        parts = [f"duplicates: {near['images']:,} images in {count(near['groups'], 'group')}"]
        for key, place in _SPREAD.items():
            if near[key]["groups"]:
                parts.append(f"{count(near[key]['groups'], 'group')} {place}")
        yield "; ".join(parts)


def small_classes(audit: "pd.DataFrame") -> list[str]:
    """Return a sentence on the classes with few usable images; none if there are no such classes.

    Args:
        audit: see ``scenes.audit.audit_table``.
    """
    counts = usable(audit[audit["split"] != "pred"])["label"].value_counts().sort_index()
    few = [f"{show(label, 60)} has {images}" for label, images in counts[counts < _FEW].items()]
    if not few:
        return []
    return [
        f"few images: {shortened(few, 3)}; scores of so few say little, and label issues are judged in no more folds "
        "than the smallest class has distinct images"
    ]
