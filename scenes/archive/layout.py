"""The layout of an archive: a zip of ``<train>/<class>/*``, ``<test>/<class>/*`` and optionally ``<pred>/*``.

Names stay exactly as the zip stores them, because they are the keys of its members. For comparisons (folders of the
layout, classes, colliding names) they are normalised to Unicode's composed form NFC, so that a class packed on a Mac
(NFD) and elsewhere (NFC) is one class.
"""

import unicodedata
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from scenes.archive.safe_zip import SafeZip, is_litter, show
from scenes.common.errors import InputError

SPLITS = ("train", "test", "pred")


class Member(NamedTuple):
    """An image as listed in the archive. In the split ``pred`` its ``label`` is ''."""

    path: str
    split: str
    label: str
    bytes: int


class Archive(SafeZip):
    """A zip of this layout that has passed every check, open for reading.

    Attributes, beside those of ``SafeZip``:
        members: every file in the layout, sorted by the code points of its path.
        classes: the class names (NFC), sorted; each has members in train and in test.
        litter: number of files skipped because an operating system left them (``__MACOSX``, hidden, ``Thumbs.db``).
        outside: number of files skipped because they are outside the layout (a ``ground_truth.csv``, a readme).
        case_collisions: number of members whose path differs from another's only in case or Unicode form. Not every
            file system can hold such an archive unpacked; it is never unpacked here.
    """

    def __init__(
        self, path: str | Path, layout: Mapping[str, str | None], max_member_bytes: int, max_ratio: float
    ) -> None:
        """Open and check the zip at ``path``.

        Args:
            path: the zip.
            layout: folder name of each split, e.g. ``{"train": "seg_train", "test": "seg_test", "pred": "seg_pred"}``.
                ``pred`` may be missing or None. The last such folder in a member's path determines its split, so
                ``seg_train/seg_train/sea/1.jpg``, ``seg_train/sea/1.jpg`` and ``any/seg_train/sea/1.jpg`` are alike.
            max_member_bytes, max_ratio: see ``SafeZip``.

        Raises:
            InputError: see ``SafeZip``; or there are no images, a class is empty or in one split only, or a class has
                subfolders.
        """
        super().__init__(path, max_member_bytes, max_ratio)
        self._layout = {split: folder for split, folder in layout.items() if folder is not None}
        try:
            self._find_members()
        except BaseException:
            self.close()
            raise

    @classmethod
    def from_settings(cls, path: str | Path, settings: Mapping[str, Any]) -> Self:
        """Open and check the zip at ``path`` with the settings of ``archive`` in params.yaml, as a dict."""
        return cls(path, settings["layout"], settings["max_member_bytes"], settings["max_ratio"])

    def __reduce__(self) -> tuple[type, tuple]:
        # Another process opens the archive for itself, because two processes cannot share a file position.
        return Archive, (self.path, self._layout, self._max_member_bytes, self._max_ratio)

    def _find_members(self) -> None:
        splits = {unicodedata.normalize("NFC", folder): split for split, folder in self._layout.items()}
        self.litter = self.outside = 0
        members: list[Member] = []
        folders: set[tuple[str, str]] = set()
        for info in self.entries:
            parts = [part for part in info.filename.split("/") if part not in ("", ".")]
            # The entry of a folder is treated as a file with an empty name.
            *inside, name = [*parts, ""] if info.is_dir() else parts
            if is_litter(parts):
                self.litter += not info.is_dir()
                continue
            composed = [unicodedata.normalize("NFC", part) for part in inside]
            starts = [index for index, part in enumerate(composed) if part in splits]
            if not starts:
                self.outside += not info.is_dir()
                continue
            split = splits[composed[starts[-1]]]
            below = composed[starts[-1] + 1 :]
            if len(below) > (split != "pred"):
                raise self._nested(info, split)
            label = "".join(below)
            if split != "pred" and label:
                folders.add((split, label))
            if not name:
                continue
            if split != "pred" and not label:
                self.outside += 1
            else:
                members.append(Member(info.filename, split, label, info.file_size))
        self.members = tuple(sorted(members))
        self._check_classes(folders)
        self.classes = tuple(sorted({member.label for member in members if member.split != "pred"}))
        counts = Counter(_without_case(member.path) for member in members)
        self.case_collisions = sum(count for count in counts.values() if count > 1)

    def _check_classes(self, folders: set[tuple[str, str]]) -> None:
        """Refuse an archive whose train and test do not have images of the same classes."""
        filled = {(member.split, member.label) for member in self.members}
        for split in ("train", "test"):
            if not any(member.split == split for member in self.members):
                raise InputError(
                    f"{self.path}: there is no image in {show(self._layout[split] + '/<class>/')}; "
                    f"check archive.layout.{split} against the folders of the archive"
                )
        for split, label in sorted(folders - filled):
            raise InputError(
                f"{self.path}: the class folder {show(self._layout[split] + '/' + label)} is empty; "
                "add images or leave the class out"
            )
        for label in sorted({label for _, label in folders}):
            for split, other in (("train", "test"), ("test", "train")):
                if (split, label) not in filled:
                    raise InputError(
                        f"{self.path}: the class {show(label)} is in {self._layout[other]} but not in "
                        f"{self._layout[split]}; every class needs images in both"
                    )

    def _nested(self, info: zipfile.ZipInfo, split: str) -> InputError:
        place = "directly in " + self._layout[split] if split == "pred" else f"in {self._layout[split]}/<class>"
        return self._refusal(info, f"is nested too deep: images must be {place}; move them up")


def _without_case(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
