"""The classes that the names of folders state."""

import re
from collections.abc import Mapping, Sequence

from scenes.layout.split_names import Place

Folder = tuple[str, ...]

# Names of folders that hold a part of the images, rather than a class: images_001, HAM10000_images_part_2.
_GENERIC = re.compile(
    r"(?:^|[\W_])(?:images?|imgs?|pictures?|photos?|frames?|data|files?|masks?|parts?|batch|shard|chunk|fold|unknown|dummy)"
    r"[\W_\d]*$",
    re.IGNORECASE,
)


def folder_labels(places: Mapping[Folder, Place], depth: int | None) -> dict[Folder, Folder]:
    """Return the class of each folder with images, as the names in its path; () for none.

    The class is the path below the last split folder, without what all paths begin with (``images/cat``,
    ``images/dog``) or end with (``cat/images``, ``dog/images``). Where the split folders are inside those of the
    classes (``cat/train``), it is the path above.

    Args:
        places: see :func:`scenes.layout.split_names.find_places`.
        depth: the number of names to keep; None: all.
    """
    inside = {folder: place for folder, place in places.items() if place.split not in ("", "pred")}
    outside = {folder: place.below for folder, place in places.items() if not place.split}
    below = {folder: place.below for folder, place in inside.items()}
    training = [folder for folder, place in inside.items() if place.split == "train"]
    if training and not any(below[folder] for folder in training):
        above = {folder: place.above for folder, place in inside.items() if not place.below}
        if len({above[folder] for folder in training}) > 1:
            below |= above
    labels: dict[Folder, Folder] = dict.fromkeys(places, ())
    for paths in (below, outside):
        labels |= _without_common_names(paths)
    return {folder: label[:depth] for folder, label in labels.items()}


def is_generic(label: Sequence[str]) -> bool:
    """Return whether the last name of a class is rather one that any folder of images may have."""
    return bool(_GENERIC.search(label[-1]))


def _without_common_names(paths: Mapping[Folder, Folder]) -> dict[Folder, Folder]:
    """Strip what all paths begin with, and what all end with, as long as two different ones remain."""
    stripped = dict(paths)
    for part in (slice(1, None), slice(None, -1)):
        name = 0 if part.start else -1
        while True:
            filled = {path for path in stripped.values() if path}
            if len({path[name] for path in filled}) != 1 or len({path[part] for path in filled} - {()}) < 2:
                break
            stripped = {folder: path[part] for folder, path in stripped.items()}
    return stripped
