"""What is known of the images of an archive once its layout is found."""

from collections import Counter
from typing import NamedTuple

from scenes.common.errors import InputError
from scenes.layout.split_names import SPLITS

__all__ = ["SPLITS", "Found", "Member", "UnfitSetting", "prefix"]


class UnfitSetting(InputError):
    """A setting of ``archive.layout`` names what an archive does not have; another archive may have it.

    Attributes:
        setting: its key in ``archive.layout``.
    """

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


class Member(NamedTuple):
    """An image as listed in the archive.

    Attributes:
        path: its name in the archive; of a further archive with its :func:`prefix`.
        split: one of ``SPLITS``, as the archive says; ``train`` where it has no splits.
        label: the class; '' in the split ``pred`` alone.
        bytes: size of the file.
        subject: what it shows belongs together with other images of this subject, such as a patient; '' if unknown.
        archive: the number of its archive, from 1, in the order of ``source`` in params.yaml.
    """

    path: str
    split: str
    label: str
    bytes: int
    subject: str = ""
    archive: int = 1


class Found(NamedTuple):
    """The layout of an archive, or of several together.

    Attributes:
        members: its images, sorted by archive, then by the code points of their paths.
        classes: the class names (NFC), sorted; each has images in train.
        notes: what a user should know of how the archive was read, a sentence each, the most important first.
        skipped: files that are neither images nor tables in use, by suffix in lower case (with its dot).
        litter: number of files skipped because an operating system left them (``__MACOSX``, hidden, ``Thumbs.db``).
        outside: number of images skipped because they are outside of the layout, without a label or of a class that is
            left out.
        folders: name of the folder of each split, as it is in the archive; a split has none if a table states it, if
            the archive has no splits, or if those of several archives differ.
        multi_label: the note on images in several classes, which is the first of ``notes``; '' if there are none.
        left_out: the classes that ``archive.layout.leave_out`` names and that are there.
    """

    members: tuple[Member, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    skipped: Counter[str]
    litter: int
    outside: int
    folders: dict[str, str]
    multi_label: str = ""
    left_out: frozenset[str] = frozenset()


def prefix(archive: int) -> str:
    """Return what the paths of an archive begin with, by its number: nothing in the first."""
    return f"archive-{archive}/" if archive > 1 else ""
