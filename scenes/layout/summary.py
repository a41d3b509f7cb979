"""A layout in a few lines, as `scenes look` and the stage `audit` print it."""

from collections import Counter

from scenes.common.words import count
from scenes.layout.listing import NO_SUFFIX
from scenes.layout.members import SPLITS, Found


def summary(found: Found) -> list[str]:
    """Return a line with the images of each split, the classes and what is left out, then the notes.

    Images in several classes come before all else, because a model here learns one class for each image.
    For example ``train/ 7,624, valid/ 265, test/ 265; 53 classes (54 to 181 images); nothing else``. The images of a
    class are those of train, val and test together.
    """
    line = f"{_splits(found)}; {_classes(found)}; {_rest(found)}"
    first = [found.multi_label] if found.multi_label else []
    return [*first, line, *found.notes[len(first) :]]


def _splits(found: Found) -> str:
    counts = Counter(member.split for member in found.members)
    if not found.folders and set(counts) == {"train"}:
        return count(counts["train"], "image")
    parts = []
    for split in SPLITS:
        if counts[split]:
            name = f"{found.folders[split]}/" if split in found.folders else split
            parts.append(f"{name} {counts[split]:,}{' without labels' if split == 'pred' else ''}")
    return ", ".join(parts)


def _classes(found: Found) -> str:
    sizes = Counter(member.label for member in found.members if member.split != "pred").values()
    least, most = min(sizes), max(sizes)
    images = f"{least:,} to {most:,} images" if least < most else f"{count(least, 'image')} each"
    return f"{count(len(found.classes), 'class', 'classes')} ({images})"


def _rest(found: Found) -> str:
    """Return what is left out: the most frequent kind by name, and the number of others."""
    kinds = Counter({_kind(suffix, number): number for suffix, number in found.skipped.items()})
    if found.outside:
        kinds[count(found.outside, "image")] = found.outside
    others = found.litter
    if not kinds:
        return f"{count(others, 'system file')} left out" if others else "nothing else"
    first, *rest = [kind for kind, _ in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))]
    others += sum(kinds[kind] for kind in rest)
    return f"{first} and {count(others, 'other')} left out" if others else f"{first} left out"


def _kind(suffix: str, number: int) -> str:
    return f"{count(number, 'file')} {NO_SUFFIX}" if suffix == NO_SUFFIX else count(number, f"{suffix} file")
