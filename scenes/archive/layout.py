"""What an archive is: a zip of ``<train>/<class>/*``, ``<test>/<class>/*`` and an optional flat ``<pred>/*``.

Names are kept exactly as the zip stores them, since they are the key that a member is read by. Only to be
compared (folders of the layout, classes, colliding names) are they brought to Unicode's composed form NFC, so
that a class packed on a Mac (NFD) and elsewhere (NFC) is one class.
"""

import unicodedata
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from scenes.archive.safe_zip import SafeZip, is_litter, show
from scenes.common.errors import InputError

SPLITS = ("train", "test", "pred")


class Member(NamedTuple):
    """An image as the archive lists it; ``label`` is '' in the split ``pred``."""

    path: str
    split: str
    label: str
    bytes: int


class Archive(SafeZip):
    """A zip of this layout that has passed every check, open for reading.

    Attributes, beside those of ``SafeZip``:
        members: every file inside the layout, sorted by path (by code point).
        classes: the class names (NFC), sorted; each has members in train and in test.
        litter: number of files skipped because an operating system left them (``__MACOSX``, hidden, ``Thumbs.db``).
        outside: number of other files skipped because they stand outside of the layout (a ``ground_truth.csv``, a readme).
        case_collisions: number of members whose path is another's, but for case or Unicode form: such an archive
            cannot be unpacked on every file system; it can be read here, where nothing is unpacked.
    """

    def __init__(self, path: str | Path, layout: Mapping[str, str], max_member_bytes: int, max_ratio: float):
        """Open and check the zip at ``path``.

        Args:
            path: a zip file.
            layout: folder name of each split, e.g. ``{"train": "seg_train", "test": "seg_test", "pred": "seg_pred"}``;
                ``pred`` may be missing. In a member's path the last folder of such a name starts the split, so that
                ``seg_train/seg_train/sea/1.jpg``, ``seg_train/sea/1.jpg`` and ``any/top/seg_train/sea/1.jpg`` are one.
            max_member_bytes, max_ratio: see ``SafeZip``.

        Raises:
            InputError: see ``SafeZip``; or no images, a class in one split only, an empty class, folders below a class.
        """
        super().__init__(path, max_member_bytes, max_ratio)
        self._layout = dict(layout)
        try:
            self._find_members()
        except BaseException:
            self.close()
            raise

    def __reduce__(self):
        # What is sent to another process is how to open the archive: two processes cannot share a file position.
        return Archive, (self.path, self._layout, self._max_member_bytes, self._max_ratio)

    def _find_members(self) -> None:
        splits = {unicodedata.normalize("NFC", folder): split for split, folder in self._layout.items()}
        self.litter = self.outside = 0
        members, folders = [], set()
        for info in self.entries:
            parts = [part for part in info.filename.split("/") if part not in ("", ".")]
            # A folder's own entry is followed by nothing: it stands here as a file without a name.
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
                self._refuse_nested(info, split)
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
        colliding = Counter(_without_case(member.path) for member in members)
        self.case_collisions = sum(times for times in colliding.values() if times > 1)

    def _check_classes(self, folders: set[tuple[str, str]]) -> None:
        """Refuse an archive whose train and test do not hold images of the same classes."""
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
                        f"{self.path}: the class {show(label)} stands in {self._layout[other]} but not in "
                        f"{self._layout[split]}; every class needs images in both"
                    )

    def _refuse_nested(self, info: zipfile.ZipInfo, split: str) -> None:
        where = "directly in " + self._layout[split] if split == "pred" else f"in {self._layout[split]}/<class>"
        raise self._refusal(info, f"lies too deep: images must lie {where}; move them up")


def _without_case(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
