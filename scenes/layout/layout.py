"""The layout of an archive: which image is of which split and class, found by itself or as the user says.

Paths stay exactly as the archive stores them, because they are the keys of its members. Folders and classes are
compared in Unicode's composed form NFC, so that a class packed on a Mac (NFD) and elsewhere (NFC) is one class.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

from scenes.archive.packed import Packed
from scenes.archive.safe_zip import SafeZip
from scenes.common.archives import archive_paths
from scenes.common.errors import InputError
from scenes.common.suffixes import suffix
from scenes.common.words import show
from scenes.executors.shards import ByteRange
from scenes.layout import class_checks, joined, layout_notes
from scenes.layout.labelling import Labelling, label_images, refuse_unfit, take_as_train, take_as_unlabelled
from scenes.layout.listing import Entry, Listing, folder_parts, list_files, same_files
from scenes.layout.members import SPLITS, Found, Member, UnfitSetting, prefix
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
    alone: bool = True,
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
        alone: False for one of several archives: what only all of them together can tell is left to
            :func:`scenes.layout.joined.joined`.

    Raises:
        UnfitSetting: a setting names what is not there.
        InputError: there are no images or no classes, or a class cannot be learned.
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
    take_as_train(labelling, alone=alone)
    if not alone:
        refuse_unfit(labelling, how)
        take_as_unlabelled(labelling)
    labels = {label for label in labelling.labels.values() if label}.union(*labelling.several.values())
    if alone and len(labels) < 1 + training:
        raise InputError(layout_notes.no_labels(listing, labelling.splits, sorted(labels), tables))

    left_out = class_checks.classes_to_leave_out(settings)
    if alone:
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
    notes += class_checks.refuse_missing(labelled, split_folders) if training and alone else []
    notes += labelling.notes
    notes += layout_notes.held_out(labelled, split_folders) if training and alone else []
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
    return Found(
        tuple(members),
        classes,
        tuple(notes),
        skipped,
        listing.litter,
        outside,
        split_folders,
        multi_label,
        frozenset(left_out & labels),
    )


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


class Archive:
    """The images of a zip, or of several together, with their classes and splits, open for reading.

    The paths of the first zip are those in it. Those of another one have the prefix ``archive-2/``, ``archive-3/``
    and so on, by its number. Beside images, any other file of the zips can be read by such a path.

    Attributes:
        path: the zip, or the folder of the zips.
        archives: the path of each zip.
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
        """Open and check the zip at ``path``, or the zips in this folder.

        Args:
            path: a zip, or a folder as the stage ``download`` writes it.
            layout: ``settings`` of :func:`find_members`.
            max_member_bytes, max_ratio, name_encoding: see ``SafeZip``.

        Raises:
            InputError: a zip of the folder is missing or not as SHA256SUMS says; or see ``SafeZip``,
                :func:`find_members` and :func:`scenes.layout.joined.joined`.
        """
        self.path = Path(path)
        self.archives = archive_paths(path)
        with ExitStack() as resources:
            limits = max_member_bytes, max_ratio
            self._zips = [
                resources.enter_context(SafeZip(each, *limits, name_encoding=name_encoding, strict_names=True))
                for each in self.archives
            ]
            self.found = self._found(layout)
            self._resources = resources.pop_all()

    @classmethod
    def from_settings(cls, path: str | Path, settings: Mapping[str, Any]) -> Self:
        """Open and check the zip or folder ``path`` with the settings of ``archive`` in params.yaml, as a dict."""
        limits = settings["max_member_bytes"], settings["max_ratio"]
        return cls(path, settings["layout"], *limits, settings.get("name_encoding"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files. Nothing can be read afterwards."""
        self._resources.close()

    def read(self, path: str) -> bytes:
        """Return the bytes of a file, by its path among all zips; see ``SafeZip.read``."""
        file, name = self._place(path)
        return file.read(name)

    def locate(self, path: str) -> tuple[ByteRange, Packed]:
        """Return in which zip a file is and where, and how it is packed; see ``SafeZip.locate``."""
        file, name = self._place(path)
        return file.locate(name)

    def _place(self, path: str) -> tuple[SafeZip, str]:
        """Return the zip that holds ``path``, and its name there; the first zip if none does."""
        first, *others = self._zips
        for number, other in enumerate(others, 2):
            name = path.removeprefix(prefix(number))
            if name != path and name in other.files:
                return other, name
        return first, path

    def _found(self, layout: Mapping[str, Any]) -> Found:
        if len(self._zips) == 1:
            return _find(self._zips[0], layout)
        parts = [joined.fitting(partial(_find, file, alone=False), layout) for file in self._zips]
        self._refuse_equal_paths(parts[0].found)
        try:
            return joined.joined([path.name for path in self.archives], parts, layout)
        except UnfitSetting:  # it names the first archive
            raise
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None

    def _refuse_equal_paths(self, found: Found) -> None:
        """Raise an InputError if an image of the first zip has the path of a file in another one."""
        for member in found.members:
            file, name = self._place(member.path)
            if name != member.path:
                raise InputError(
                    f"{self.archives[0]}: {show(member.path, 80)} would also be the path of {show(name, 80)} in "
                    f"{file.path.name}; rename the folder in {self.archives[0].name}"
                )

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


def _find(file: SafeZip, layout: Mapping[str, Any], *, alone: bool = True) -> Found:
    files = {name: Entry(info.file_size, info.CRC) for name, info in file.files.items()}
    folders = [info.filename for info in file.entries if info.is_dir()]
    try:
        return find_members(files, layout, file.read, folders=folders, name_note=file.name_note, alone=alone)
    except UnfitSetting as error:
        raise UnfitSetting(error.setting, f"{file.path}: {error}") from None
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(f"{file.path}: ") else f"{file.path}: {error}") from None


def _without_case(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
