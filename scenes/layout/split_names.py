"""Which folder is which split, by the names that Hugging Face Datasets knows and a few more.

The names count as words: ``seg_train``, ``Training`` and ``testData`` are found, ``trainers`` is not. A class may have
such a name as well (``bus``, ``car`` and ``train``): the folders beside it decide.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

SPLITS = ("train", "val", "test", "pred")

# https://huggingface.co/docs/datasets/repository_structure, and the unlabelled images of competitions.
_WORDS = {
    **dict.fromkeys(("train", "training", "trainset", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "valset", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "testset", "tst", "eval", "evaluation"), "test"),
    **dict.fromkeys(("pred", "predict", "prediction", "predictions", "unlabelled", "unlabeled"), "pred"),
}
# A word is letters, and begins anew at a capital after a small letter.
_WORD = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Place(NamedTuple):
    """Where a folder is.

    Attributes:
        split: one of SPLITS, or '' outside of all split folders.
        name: the last split folder, as it is in the source; '' outside.
        above: the folders above it that are no split folders.
        below: the folders below it; all folders if it is outside.
    """

    split: str
    name: str
    above: tuple[str, ...]
    below: tuple[str, ...]


def split_of(name: str) -> str:
    """Return the split that a name means; '' if none or several."""
    splits = {_WORDS[word] for word in _words(name) if word in _WORDS}
    return splits.pop() if len(splits) == 1 else ""


def find_places(
    folders: Iterable[tuple[str, ...]], names: Mapping[str, str | None]
) -> tuple[dict[tuple[str, ...], Place], list[str]]:
    """Find the split of each folder that holds images.

    Of several split folders in a path the last one counts: ``seg_train/seg_train/sea``.

    Args:
        folders: the names in the path of each folder, composed (NFC).
        names: the folder of a split, or the end of its path, where the user has set it; None: found by its words. That
            of pred may be missing; then it is found by its words too.

    Returns:
        The place of each folder; and the folders with the name of a split that are taken for classes, because those
        beside them are no splits.
    """
    tree = _Tree(folders, {split: unicodedata.normalize("NFC", name) for split, name in names.items() if name})
    places = {folder: tree.place(folder) for folder in tree.folders}
    if names.get("pred") and not any(place.split == "pred" for place in places.values()):
        return find_places(tree.folders, {**names, "pred": None})
    return places, sorted(tree.like_classes)


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(_HUMP.sub(" ", name))]


def _rest(name: str) -> tuple[str, ...]:
    """Return the words of a name that stand for no split: equal in ``seg_train`` and ``seg_test``."""
    return tuple(word for word in _words(name) if word not in _WORDS)


class _Tree:
    def __init__(self, folders: Iterable[tuple[str, ...]], names: dict[str, str]) -> None:
        self.folders = set(folders)
        self.names = names
        self.like_classes: set[str] = set()
        # By folder and name of a folder in it: how far below that there are images.
        self._depths: dict[tuple[str, ...], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        for folder in self.folders:
            for index, name in enumerate(folder):
                self._depths[folder[:index]][name].add(len(folder) - index - 1)
        self._splits: dict[tuple[str, ...], str] = {}
        self._inside: dict[tuple[str, ...], tuple[dict[tuple[str, ...], set[str]], list[str]]] = {}

    def place(self, folder: tuple[str, ...]) -> Place:
        split, last, above = "", -1, []
        for index in range(len(folder)):
            if accepted := self._split(folder[: index + 1], split):
                split, last = accepted, index
            elif last < 0:
                above.append(folder[index])
        if last < 0:
            return Place("", "", (), folder)
        return Place(split, folder[last], tuple(above), folder[last + 1 :])

    def _split(self, folder: tuple[str, ...], outer: str) -> str:
        if folder not in self._splits:
            self._splits[folder] = self._named(folder) or self._found(folder, outer)
        return self._splits[folder]

    def _named(self, folder: tuple[str, ...]) -> str:
        path = "/" + "/".join(folder)
        return next((split for split, name in self.names.items() if path.endswith("/" + name.strip("/"))), "")

    def _found(self, folder: tuple[str, ...], outer: str) -> str:
        """Return the split of a folder by its name, those beside it, and the split of a folder above it."""
        *parent, name = folder
        split = split_of(name)
        if not split or split in self.names:
            return ""
        splits, others = self._children(tuple(parent))
        # seg_train beside seg_test
        if len(splits[_rest(name)]) > 1:
            return split
        # test/train: a class of the test set
        if outer and split != outer:
            self.like_classes.add("/".join(folder))
            return ""
        # test beside cat and dog is no class; train may be one, as may "test tube".
        if (not outer and split != "train" and not _rest(name)) or not any(
            self._is_like(folder, (*parent, other)) for other in others
        ):
            return split
        self.like_classes.add("/".join(folder))
        return ""

    def _children(self, folder: tuple[str, ...]) -> tuple[dict[tuple[str, ...], set[str]], list[str]]:
        """Return the splits of the folders in a folder by the rest of their names, and those that have none."""
        if folder not in self._inside:
            splits: dict[tuple[str, ...], set[str]] = defaultdict(set)
            others = []
            for name in self._depths[folder]:
                if split := split_of(name):
                    splits[_rest(name)].add(split)
                else:
                    others.append(name)
            self._inside[folder] = splits, others
        return self._inside[folder]

    def _is_like(self, folder: tuple[str, ...], other: tuple[str, ...]) -> bool:
        """Return whether two folders may be classes side by side: equally deep, with no folder inside both."""
        *parent, name = folder
        depths = self._depths[tuple(parent)]
        inside = self._depths.get(folder, {}).keys() & self._depths.get(other, {}).keys()
        return bool(depths[name] & depths[other[-1]]) and not inside
