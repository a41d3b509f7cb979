"""What is known of the images of an archive once its layout is found."""

from collections import Counter
from typing import NamedTuple

from scenes.layout.split_names import SPLITS

__all__ = ["SPLITS", "Found", "Member"]


class Member(NamedTuple):
    """An image as listed in the archive.

    Attributes:
        path: its name in the archive.
        split: one of ``SPLITS``, as the archive says; ``train`` where it has no splits.
        label: the class; '' in the split ``pred`` alone.
        bytes: size of the file.
        subject: what it shows belongs together with other images of this subject, such as a patient; '' if unknown.
    """

    path: str
    split: str
    label: str
    bytes: int
    subject: str = ""


class Found(NamedTuple):
    """The layout of an archive.

    Attributes:
        members: its images, sorted by the code points of their paths.
        classes: the class names (NFC), sorted; each has images in train.
        notes: what a user should know of how the archive was read, a sentence each, the most important first.
        skipped: files that are neither images nor tables in use, by suffix in lower case (with its dot).
        litter: number of files skipped because an operating system left them (``__MACOSX``, hidden, ``Thumbs.db``).
        outside: number of images skipped because they are outside of the layout, without a label or of a class that is
            left out.
        folders: name of the folder of each split, as it is in the archive; a split has none if a table states it, or
            if the archive has no splits.
        multi_label: the note on images in several classes, which is the first of ``notes``; '' if there are none.
    """

    members: tuple[Member, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: Counter[str]
    litter: int
    outside: int
    folders: dict[str, str]
    multi_label: str = ""
