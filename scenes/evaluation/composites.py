"""Composites: two images of different classes joined side by side or one above the other, so that both are in it.

What a photo contains beyond its one label is not known; of a composite two classes are.
"""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import lcm
from pathlib import Path

import numpy as np

GROUND_TRUTH = "ground_truth.csv"


@dataclass(frozen=True)
class Composites:
    """Which images of a split are joined.

    Attributes:
        first: bytes (n,), keys of the images on the left, or above.
        second: bytes (n,), keys of the images on the right, or below.
        stacked: bool (n,), one above the other.
        labels: int64 (n, 2), the classes of the two, as indices into ``classes``; they differ.
        classes: class names (k,).
    """

    first: np.ndarray
    second: np.ndarray
    stacked: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    @property
    def known(self) -> np.ndarray:
        """bool (n, k): the two classes that each composite is known to contain."""
        known = np.zeros((len(self.labels), len(self.classes)), bool)
        np.put_along_axis(known, self.labels, True, axis=1)
        return known


def choose(key: np.ndarray, label: np.ndarray, classes: Sequence[str], *, count: int, seed: int) -> Composites:
    """Choose which images to join.

    Pairs of classes take turns. The images of a class follow one another in the order of a hash of seed and key, so
    the order in which they are given moves nothing; no two are joined twice.

    Args:
        key: bytes (m,), names of the images, all different.
        label: int (m,), indices into ``classes``.
        count: of composites; there are fewer if there are not so many pairs.
        seed: another seed, other pairs.
    """
    order = np.array(sorted(range(len(key)), key=lambda index: _rank(seed, key[index])), np.int64)
    members = [order[label[order] == value] for value in np.unique(label)]
    of_classes = list(combinations(range(len(members)), 2))
    chosen, stacked = [], []
    for turn in range(max((len(members[a]) * len(members[b]) for a, b in of_classes), default=0)):
        for number, (a, b) in enumerate(of_classes):
            one, other = members[a], members[b]
            if turn >= len(one) * len(other) or len(chosen) == count:
                continue
            # Each pair of classes begins elsewhere in them, so that few composites still use many images.
            i = turn + b * len(one) // len(members)
            j = turn + turn // lcm(len(one), len(other)) + a * len(other) // len(members)
            pair = one[i % len(one)], other[j % len(other)]
            chosen.append(pair if (turn + number) % 2 else pair[::-1])
            stacked.append((turn // 2 + number) % 2 == 1)
        if len(chosen) == count:
            break
    pairs = np.array(chosen, np.int64).reshape(-1, 2)
    return Composites(key[pairs[:, 0]], key[pairs[:, 1]], np.array(stacked, bool), label[pairs], tuple(classes))


def _rank(seed: int, key: bytes) -> bytes:
    return hashlib.sha256(b"%d:%s" % (seed, key)).digest()


def images(composites: Composites, split: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the composites uint8 (n, height, width, channels).

    Args:
        split: ``key`` and ``image`` of the images that are joined, see ``scenes.dataset.records.load``.
    """
    row = {key: index for index, key in enumerate(split["key"])}
    first, second = (split["image"][[row[key] for key in keys]] for keys in (composites.first, composites.second))
    return compose(first, second, composites.stacked)


def compose(first: np.ndarray, second: np.ndarray, stacked: np.ndarray) -> np.ndarray:
    """Join images, half of each: the middle of it, neither scaled nor blended.

    Args:
        first: (n, height, width, channels), any dtype; becomes the left or the upper half.
        second: as ``first``; becomes the right or the lower half.
        stacked: bool (n,), one above the other.

    Returns:
        As ``first``. Where a side is odd, the second image gets the pixel more.
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
    """Write ``composites``, and a backbone's ``features`` float32 (n, d) of them, as an .npz without pickles.

    NumPy gives its members a fixed date.
    """
    arrays = {name: getattr(composites, name) for name in ("first", "second", "stacked", "labels")}
    if features is not None:
        arrays["features"] = features
    np.savez(path, classes=np.array(composites.classes), **arrays)


def load(folder: str | Path, split: str) -> tuple[Composites, np.ndarray | None]:
    """Read ``<split>.npz`` in ``folder``: what :func:`save` was given."""
    with np.load(Path(folder) / f"{split}.npz", allow_pickle=False) as file:
        composites = Composites(
            file["first"], file["second"], file["stacked"], file["labels"], tuple(file["classes"].tolist())
        )
        return composites, file.get("features")


def save_ground_truth(folder: str | Path, classes: Mapping[str, str]) -> None:
    """Write into ``folder`` what each image contains: by path, names of classes with a space between."""
    with (Path(folder) / GROUND_TRUTH).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("path", "classes"))
        rows.writerows(classes.items())


def load_ground_truth(folder: str | Path) -> dict[str, set[str]]:
    """Return, by path, the names of the classes in an image; nothing for photos, of which that is not known."""
    with (Path(folder) / GROUND_TRUTH).open(encoding="utf-8", newline="") as file:
        return {row["path"]: set(row["classes"].split()) for row in csv.DictReader(file)}
