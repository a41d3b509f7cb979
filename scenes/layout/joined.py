"""Several archives as one: each has a layout of its own, and all together make the classes and splits."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from scenes.common.errors import InputError
from scenes.common.words import listed, show
from scenes.layout import class_checks, layout_notes
from scenes.layout.folder_labels import is_generic
from scenes.layout.members import Found, Member, UnfitSetting, prefix


class Part(NamedTuple):
    """The layout of one of several archives.

    Attributes:
        found: its layout; its paths are those in the archive.
        unfit: why a setting of ``archive.layout`` does not fit it, by the setting's key.
    """

    found: Found
    unfit: dict[str, UnfitSetting]


def fitting(find: Callable[[Mapping[str, Any]], Found], settings: Mapping[str, Any]) -> Part:
    """Return the layout that ``find`` finds with those settings that fit the archive."""
    unfit: dict[str, UnfitSetting] = {}
    while True:
        try:
            return Part(find({**settings, **dict.fromkeys(unfit)}), unfit)
        except UnfitSetting as error:
            unfit[error.setting] = error


def joined(names: Sequence[str], parts: Sequence[Part], settings: Mapping[str, Any]) -> Found:
    """Return the layout of all archives together.

    A class of a later archive that no earlier one has is taken for the one whose name differs in case alone, or in the
    folders above or below it (``delivery/cat`` and ``cat``), if there is exactly one. So it is left out if that one is.

    Args:
        names: of the archives, for the notes.
        parts: in the order of the archives.
        settings: those of ``archive.layout``.

    Raises:
        InputError: a setting fits no archive; there is no class or one alone; or a class has no training images.
    """
    for setting, error in parts[0].unfit.items():
        if all(setting in part.unfit for part in parts):
            raise error
    founds = [_generic_as_unlabelled(number, parts) for number in range(len(parts))]
    known: set[str] = set()
    left_out: frozenset[str] = frozenset()
    members: list[Member] = []
    first_notes, notes = [], []  # those on images in several classes, and all others
    for number, (name, found) in enumerate(zip(names, founds, strict=True), 1):
        renamed = _as_known(found.classes, known | (left_out - found.left_out))
        for member in found.members:
            path, label = f"{prefix(number)}{member.path}", renamed.get(member.label, member.label)
            if label not in left_out:
                members.append(member._replace(path=path, label=label, archive=number))
        first_notes += [f"{name}: {found.multi_label}"] if found.multi_label else []
        notes += [f"{name}: {note}" for note in found.notes if note != found.multi_label]
        notes += [f"{name}: the class {show(own, 60)} is taken for {show(other, 60)}" for own, other in renamed.items()]
        own = {renamed.get(label, label) for label in found.classes} - left_out
        if known and len(own) == 1 and not own <= known:
            notes.append(f"{name}: all images with a class are of one that no archive before has, {listed(list(own))}")
        known |= own
        left_out |= found.left_out
    class_checks.refuse_unknown(class_checks.classes_to_leave_out(settings), known | left_out)
    if not known:
        raise InputError("no archive has an image with a class; add one that has, or set archive.layout.labels")
    folders = _common_folders(founds)
    labelled = [member for member in members if member.label]
    return Found(
        tuple(members),
        tuple(sorted(known)),
        (
            *first_notes,
            *class_checks.refuse_missing(labelled, folders),
            *layout_notes.held_out_by_archive(labelled, names),
            *notes,
        ),
        sum((found.skipped for found in founds), Counter()),
        sum(found.litter for found in founds),
        sum(found.outside + len(found.members) for found in founds) - len(members),
        folders,
        first_notes[0] if first_notes else "",
        left_out,
    )


def _common_folders(founds: Sequence[Found]) -> dict[str, str]:
    """Return the name of the folder of each split for which all archives with images of it have the same."""
    names = defaultdict(set)
    for found in founds:
        for split in {member.split for member in found.members}:
            names[split].add(found.folders.get(split, ""))
    return {split: min(each) for split, each in sorted(names.items()) if len(each) == 1 and "" not in each}


def _generic_as_unlabelled(number: int, parts: Sequence[Part]) -> Found:
    """Return the layout of an archive, without a class if its only one is a folder such as ``new photos``."""
    found = parts[number].found
    others = {label for part in (*parts[:number], *parts[number + 1 :]) for label in part.found.classes}
    if len(found.classes) != 1 or not is_generic(found.classes[0].split("/")):
        return found
    if others.intersection(found.classes) or _as_known(found.classes, others):
        return found
    members = tuple(member._replace(split="pred", label="") for member in found.members)
    note = f"the folder {show(found.classes[0], 60)} is taken for no class, so all images will be predicted"
    return found._replace(members=members, classes=(), notes=(note,))


def _as_known(classes: Sequence[str], known: set[str]) -> dict[str, str]:
    """Return which of ``classes`` are taken for which known ones: by case, or by the folders above and below."""
    whole, within = defaultdict(set), defaultdict(set)
    for label in known:
        whole[label.casefold()].add(label)
        for path in _paths_within(label):
            within[path].add(label)
    found = {}
    for label in classes:
        if label not in known:
            longer = within[label.casefold()]
            same = whole[label.casefold()] or longer.union(*(whole[path] for path in _paths_within(label)))
            if len(same) == 1:
                found[label] = min(same)
    taken = Counter(found.values()) + Counter(classes)
    return {label: other for label, other in found.items() if taken[other] == 1}


def _paths_within(label: str) -> list[str]:
    """Return the parts of a path of folders, itself among them, without case."""
    names = label.casefold().split("/")
    return ["/".join(names[start:end]) for end in range(1, len(names) + 1) for start in range(end)]
