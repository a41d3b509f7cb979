"""Composites: two images of different classes joined side by side or one above the other.

Which classes a photo shows beyond its one label is unknown. Of a composite, two classes are known to be present.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import lcm
from pathlib import Path

import numpy as np

from scenes.common.hash_order import hash_rank
from scenes.common.tables import read_csv, write_csv

MIN_CLASSES = 3  # a composite of two classes out of two contains them all, so that it says nothing


@dataclass(frozen=True)
class Composites:
    """Which images of a split are joined.

    Attributes:
        first: bytes (n,), keys of the left or upper images.
        second: bytes (n,), keys of the right or lower images.
        stacked: bool (n,), whether the images are one above the other.
        labels: int64 (n, 2), the classes of both images, as indices into ``classes``; they differ.
        classes: class names (k,).
    """

    first: np.ndarray
    second: np.ndarray
    stacked: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    @property
    def present(self) -> np.ndarray:
        """bool (n, k): the two classes that each composite is known to contain."""
        present = np.zeros((len(self.labels), len(self.classes)), bool)
        np.put_along_axis(present, self.labels, True, axis=1)
        return present


def choose(key: np.ndarray, label: np.ndarray, classes: Sequence[str], *, count: int, seed: int) -> Composites:
    """Choose which images to join.

    The pairs of classes take turns; if there are more than ``count``, a hash chooses which of them do. Within a class,
    the images come in the order of a hash of seed and key, so the order of the arguments has no effect. No two images
    are joined twice. Of fewer than ``MIN_CLASSES`` classes none are joined.

    Args:
        key: bytes (m,), names of the images, all different.
        label: int (m,), indices into ``classes``.
        count: number of composites; the result is shorter if there are fewer pairs of images.
        seed: a different seed gives different pairs.
    """
    keys = key.tolist()
    order = np.array(sorted(range(len(keys)), key=lambda index: hash_rank(seed, keys[index])), np.int64)
    members = [order[label[order] == value] for value in np.unique(label)]
    class_pairs = list(combinations(range(len(members)), 2)) if len(classes) >= MIN_CLASSES else []
    if len(class_pairs) > count:
        class_pairs = sorted(class_pairs, key=lambda pair: hash_rank(seed, b"%d %d" % pair))[:count]
    joined: list[Sequence[int]] = []
    stacked: list[bool] = []
    for turn in range(max((len(members[a]) * len(members[b]) for a, b in class_pairs), default=0)):
        for number, (a, b) in enumerate(class_pairs):
            of_a, of_b = members[a], members[b]
            if turn >= len(of_a) * len(of_b) or len(joined) == count:
                continue
            # Start each class pair at a different offset, so that few composites still cover many images.
            i = turn + b * len(of_a) // len(members)
            j = turn + turn // lcm(len(of_a), len(of_b)) + a * len(of_b) // len(members)
            pair = of_a[i % len(of_a)], of_b[j % len(of_b)]
            joined.append(pair if (turn + number) % 2 else pair[::-1])
            stacked.append((turn // 2 + number) % 2 == 1)
        if len(joined) == count:
            break
    pairs = np.array(joined, np.int64).reshape(-1, 2)
    return Composites(key[pairs[:, 0]], key[pairs[:, 1]], np.array(stacked, bool), label[pairs], tuple(classes))


def images(composites: Composites, split: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the pixels of the composites, uint8 (n, height, width, channels).

    Args:
        split: ``key`` and ``image`` of the images to join, see ``scenes.dataset.records.load``.
    """
    row = {key: index for index, key in enumerate(split["key"])}
    first, second = (split["image"][[row[key] for key in keys]] for keys in (composites.first, composites.second))
    return compose(first, second, composites.stacked)


def compose(first: np.ndarray, second: np.ndarray, stacked: np.ndarray) -> np.ndarray:
    """Join the middle half of each image with that of another, without scaling or blending.

    Args:
        first: (n, height, width, channels), any dtype; becomes the left or upper half.
        second: like ``first``; becomes the right or lower half.
        stacked: bool (n,), whether the images are one above the other.

    Returns:
        Like ``first``. If a side is odd, the second image gets the extra pixel.
    """
    result = np.empty_like(first)
    height, width = first.shape[1:3]
    upper, left = height // 2, width // 2
    beside = ~stacked
    result[beside, :, :left] = first[beside][:, :, _middle(width, left)]
    result[beside, :, left:] = second[beside][:, :, _middle(width, width - left)]
    result[stacked, :upper] = first[stacked][:, _middle(height, upper)]
    result[stacked, upper:] = second[stacked][:, _middle(height, height - upper)]
    return result


def _middle(size: int, length: int) -> slice:
    start = (size - length) // 2
    return slice(start, start + length)


def save(path: str | Path, composites: Composites, features: np.ndarray | None = None) -> None:
    """Write ``composites``, and optionally their ``features`` float32 (n, d), as an .npz file without pickles.

    NumPy gives the members of the file a fixed date.
    """
    arrays = {name: getattr(composites, name) for name in ("first", "second", "stacked", "labels")}
    if features is not None:
        arrays["features"] = features
    np.savez(path, classes=np.array(composites.classes), **arrays)


def splits(folder: str | Path) -> list[str]:
    """Return the names of the splits in ``folder`` that :func:`load` can read, sorted."""
    return sorted(path.stem for path in Path(folder).glob("*.npz"))


def load(folder: str | Path, split: str) -> tuple[Composites, np.ndarray | None]:
    """Read ``<split>.npz`` in ``folder``, see :func:`save`."""
    with np.load(Path(folder) / f"{split}.npz", allow_pickle=False) as file:
        composites = Composites(
            file["first"], file["second"], file["stacked"], file["labels"], tuple(file["classes"].tolist())
        )
        return composites, file.get("features")


def save_ground_truth(path: str | Path, classes: Mapping[str, str]) -> None:
    """Write which classes each image contains as CSV: its ``path``, and class names separated by spaces."""
    import pandas as pd

    write_csv(path, pd.DataFrame(list(classes.items()), columns=["path", "classes"]))


def load_ground_truth(path: str | Path) -> dict[str, set[str]]:
    """Return the names of the classes in each image, by path; empty for photos, whose classes are unknown."""
    table = read_csv(path)
    return {path: set(names.split()) for path, names in zip(table["path"], table["classes"], strict=True)}
