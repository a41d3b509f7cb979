"""The layout of an archive: which image is of which split and class, found by itself or as the user says.

Paths stay exactly as the archive stores them, because they are the keys of its members. Folders and classes are
compared in Unicode's composed form NFC, so that a class packed on a Mac (NFD) and elsewhere (NFC) is one class.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from scenes.archive.safe_zip import SafeZip
from scenes.common.errors import InputError
from scenes.common.suffixes import suffix
from scenes.layout import class_checks, layout_notes
from scenes.layout.labelling import Labelling, label_images, take_as_train
from scenes.layout.listing import Entry, Listing, folder_parts, list_files
from scenes.layout.members import SPLITS, Found, Member
from scenes.layout.same_files import same_files
from scenes.layout.split_names import Place, find_places
from scenes.layout.subjects import with_subjects
from scenes.layout.tables import Tables

__all__ = ["SPLITS", "Archive", "Entry", "Found", "Member", "find_members"]


def find_members(
    files: Mapping[str, Entry],
    settings: Mapping[str, Any],
    read: Callable[[str], bytes],
    *,
    folders: Iterable[str] = (),
    name_note: str = "",
    training: bool = True,
) -> Found:
    """Find the layout of a zip, tar or folder from the list of its files.

    Args:
        files: by path, with slashes.
        settings: those of ``archive.layout`` in params.yaml; a missing one counts as None.
        read: returns the bytes of a file; called for tables, and for some images where ``files`` has no checksums.
        folders: those that the archive lists by themselves, which may be empty.
        name_note: a sentence on how names were decoded, which goes to the notes.
        training: False for a set that is only scored: what matters for training alone is not refused (a class without
            training images, a single class).

    Raises:
        InputError: there are no images or no classes, a setting does not fit, or a class cannot be learned.
    """
    listing = list_files(files, folders)
    if not listing.images:
        raise InputError(layout_notes.no_images(listing))
    names = {split: settings.get(split) for split in SPLITS}
    places, like_splits = find_places(map(folder_parts, listing.images), names)
    layout_notes.refuse_unused(settings, places)
    splits: dict[str, str] = {}
    for folder, paths in listing.images.items():
        splits |= dict.fromkeys(paths, places[folder_parts(folder)].split)
    tables = Tables(listing.tables, read, splits)
    how = settings.get("labels")
    labelling = label_images(listing.images, places, splits, tables, how, settings.get("depth"))
    take_as_train(labelling)
    labels = {label for label in labelling.labels.values() if label}.union(*labelling.several.values())
    if len(labels) < 1 + training:
        raise InputError(layout_notes.no_labels(listing, labelling.splits, sorted(labels), tables))

    left_out = {unicodedata.normalize("NFC", label) for label in settings.get("leave_out") or ()}
    class_checks.refuse_unknown(left_out, labels)
    members, several = _members(labelling, files, left_out)
    unlabelled = [member for member in members if member.split == "pred"]
    labelled, case_notes = class_checks.join_cases([member for member in members if member.label])
    same = same_files([member.path for member in labelled], files, read)
    labelled, all_notes = class_checks.without_all_folder(labelled, same)
    notes = class_checks.refuse_multi_label(labelled, same, several) if training else []
    multi_label = "".join(notes)
    split_folders = _split_folders(listing, places, labelling)
    notes += [name_note] if name_note else []
    notes += all_notes + case_notes
    notes += class_checks.refuse_missing(labelled, split_folders) if training else []
    notes += labelling.notes
    notes += layout_notes.held_out(labelled, split_folders) if training else []
    classes = tuple(sorted({member.label for member in labelled}))
    notes += layout_notes.nested(classes) if labelling.kind == "folders" else []
    notes += layout_notes.like_splits(like_splits, classes)
    members = sorted(labelled + unlabelled)
    if subject := settings.get("subject"):
        members, note = with_subjects(members, subject, tables)
        notes.append(note)
    notes += layout_notes.left_outside(labelling)
    notes += layout_notes.without_images(listing, labelling.labels)
    skipped = listing.skipped + Counter(suffix(path) for path in listing.tables if path not in tables.used)
    outside = len(splits) - len(members)
    return Found(tuple(members), classes, tuple(notes), skipped, listing.litter, outside, split_folders, multi_label)


def _members(
    labelling: Labelling, files: Mapping[str, Entry], left_out: set[str]
) -> tuple[list[Member], dict[str, list[str]]]:
    """Return the members without the classes left out, and the images that still have several classes."""
    members = []
    several = {}
    for path, split in labelling.splits.items():
        label = labelling.labels[path]
        if split == "pred":
            members.append(Member(path, split, "", files[path].bytes))
        elif not split:
            continue
        elif path in labelling.several:
            names = [name for name in labelling.several[path] if name not in left_out]
            if len(names) == 1:
                members.append(Member(path, split, names[0], files[path].bytes))
            elif names:
                several[path] = names
        elif label and label not in left_out:
            members.append(Member(path, split, label, files[path].bytes))
    return members, several


def _split_folders(listing: Listing, places: Mapping[tuple[str, ...], Place], labelling: Labelling) -> dict[str, str]:
    """Return the most frequent name of the folder of each split. A split that a table states has none."""
    names: dict[str, Counter[str]] = defaultdict(Counter)
    for folder, paths in listing.images.items():
        place = places[folder_parts(folder)]
        split = labelling.splits[paths[0]]
        if split and place.name and (place.split == split or split == "pred"):
            names[split][place.name] += len(paths)
    return {split: min(counts, key=lambda name: (-counts[name], name)) for split, counts in sorted(names.items())}


class Archive(SafeZip):
    """A zip of images, classes and splits that has passed every check, open for reading.

    Attributes, beside those of ``SafeZip``:
        found: the layout. Its members, classes, notes, skipped, litter and outside are attributes of the archive too.
    """

    def __init__(
        self,
        path: str | Path,
        layout: Mapping[str, Any],
        max_member_bytes: int,
        max_ratio: float,
        name_encoding: str | None = None,
    ) -> None:
        """Open and check the zip at ``path``.

        Args:
            path: the zip.
            layout: ``settings`` of :func:`find_members`.
            max_member_bytes, max_ratio, name_encoding: see ``SafeZip``.

        Raises:
            InputError: see ``SafeZip`` and :func:`find_members`.
        """
        super().__init__(path, max_member_bytes, max_ratio, name_encoding=name_encoding, strict_names=True)
        try:
            self.found = self._find(layout)
        except BaseException:
            self.close()
            raise

    @classmethod
    def from_settings(cls, path: str | Path, settings: Mapping[str, Any]) -> Self:
        """Open and check the zip at ``path`` with the settings of ``archive`` in params.yaml, as a dict."""
        limits = settings["max_member_bytes"], settings["max_ratio"]
        return cls(path, settings["layout"], *limits, settings.get("name_encoding"))

    def _find(self, layout: Mapping[str, Any]) -> Found:
        files = {name: Entry(info.file_size, info.CRC) for name, info in self.files.items()}
        folders = [info.filename for info in self.entries if info.is_dir()]
        try:
            return find_members(files, layout, self.read, folders=folders, name_note=self.name_note)
        except InputError as error:
            message = str(error)
            raise InputError(message if message.startswith(f"{self.path}: ") else f"{self.path}: {error}") from None

    @property
    def members(self) -> tuple[Member, ...]:
        return self.found.members

    @property
    def classes(self) -> tuple[str, ...]:
        return self.found.classes

    @property
    def notes(self) -> tuple[str, ...]:
        return self.found.notes

    @property
    def skipped(self) -> Counter[str]:
        return self.found.skipped

    @property
    def litter(self) -> int:
        return self.found.litter

    @property
    def outside(self) -> int:
        return self.found.outside

    @cached_property
    def case_collisions(self) -> int:
        """Number of members whose path differs from another's only in case or Unicode form.

        Not every file system can hold such an archive unpacked; it is never unpacked here.
        """
        counts = Counter(_without_case(member.path) for member in self.members)
        return sum(number for number in counts.values() if number > 1)


def _without_case(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
