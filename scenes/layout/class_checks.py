"""What the classes of an archive must be, before any image is looked at."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from scenes.common.errors import InputError
from scenes.common.words import count, listed, show
from scenes.layout.members import Member

_ALL = 0.95  # the share of the other classes' images that a folder such as `all` holds
_MULTI_LABEL = 0.05  # the share of images in several classes above which they are meant to be


class Checked(NamedTuple):
    """Members that passed a check, and what there is to say of it."""

    members: list[Member]
    notes: list[str]


def classes_to_leave_out(settings: Mapping[str, Any]) -> set[str]:
    """Return the classes that ``archive.layout.leave_out`` names, composed (NFC)."""
    return {unicodedata.normalize("NFC", label) for label in settings.get("leave_out") or ()}


def refuse_unknown(classes: Collection[str], known: Collection[str]) -> None:
    """Raise an InputError if a class to leave out is none of the known ones."""
    for label in classes:
        if label not in known:
            raise InputError(
                f"archive.layout.leave_out has {show(label, 60)}, which is not a class; the classes are "
                f"{listed(sorted(known), 5)}"
            )


def join_cases(members: Sequence[Member]) -> Checked:
    """Join classes that differ in case alone (train/cat, test/Cat), unless a split has both."""
    splits: dict[str, set[str]] = defaultdict(set)
    for member in members:
        if member.label:
            splits[member.label].add(member.split)
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in sorted(splits):
        spellings[label.casefold()].append(label)
    new: dict[str, str] = {}
    joined, different = [], []
    for labels in spellings.values():
        if len(labels) == 1:
            continue
        if sum(len(splits[label]) for label in labels) > len(set().union(*(splits[label] for label in labels))):
            different.append(labels)
            continue
        joined.append(labels)
        new |= dict.fromkeys(labels, next((label for label in labels if "train" in splits[label]), labels[0]))
    notes = [
        f"classes that differ in case alone, {listed(labels[0])}{_more(labels)}, {what}"
        for labels, what in (
            (joined, "are taken as one, spelled as in train"),
            (different, "are in one split together, so they are taken as different"),
        )
        if labels
    ]
    if not new:
        return Checked(list(members), notes)
    return Checked([member._replace(label=new.get(member.label, member.label)) for member in members], notes)


def without_all_folder(members: Sequence[Member], same: Sequence[Sequence[str]]) -> Checked:
    """Leave out a class that holds the images of all others and nearly nothing else, such as a folder ``all``.

    The others count in the splits that have this class: ``train/all`` need not hold the images of ``test``.

    Args:
        members: of train, val and test.
        same: groups of paths with the same content.
    """
    labels = {member.path: member.label for member in members}
    shared: Counter[str] = Counter()  # contents of a class that other classes have too
    for group in same:
        found = {label for path in group if (label := labels.get(path))}
        if len(found) > 1:
            shared.update(sorted(found))
    if not shared:
        return Checked(list(members), [])
    label, common = shared.most_common(1)[0]
    splits = {member.split for member in members if member.label == label}
    own = {member.path for member in members if member.label == label}
    beside = {member.path for member in members if member.label != label and member.split in splits}
    images, others, held = len(own), len(beside), 0  # different ones; those beside that the class holds
    for group in same:
        copies, theirs = len(own.intersection(group)), len(beside.intersection(group))
        images -= max(0, copies - 1)
        others -= max(0, theirs - 1)
        held += copies > 0 and theirs > 0
    if len({labels[path] for path in beside}) < 2 or held < _ALL * others or common < _ALL * images:
        return Checked(list(members), [])
    return Checked(
        [member for member in members if member.label != label],
        [
            f"the folder {show(label, 60)} holds {held:,} of the {others:,} images of the other classes and little "
            "else, so it is left out"
        ],
    )


def refuse_multi_label(
    members: Sequence[Member], same: Sequence[Sequence[str]], several: Mapping[str, Sequence[str]]
) -> list[str]:
    """Say how many images are in several classes.

    Args:
        members: of train, val and test.
        same: groups of paths with the same content. A content that a class has twice in a split is a placeholder, such
            as a web page in place of an image, and does not count.
        several: the classes of images that a table gives several; these are no members.

    Returns:
        One sentence; none if there is no such image.

    Raises:
        InputError: so a class has no image of its own.
    """
    labels = {member.path: (member.split, member.label) for member in members}
    examples = [(path, list(names)) for path, names in sorted(several.items())]
    copies: set[str] = set()
    extra = 0
    for group in same:
        places = Counter(labels[path] for path in group if path in labels)
        extra += max(0, places.total() - 1)
        names = sorted({label for _, label in places})
        if len(names) > 1 and max(places.values()) == 1:
            examples.append((group[0], names))
            copies.update(group)
    if not examples:
        return []
    images = len(members) + len(several) - extra
    path, names = examples[0]
    text = (
        f"{len(examples):,} of {count(images, 'image')} {'is' if len(examples) == 1 else 'are'} in several classes, "
        f"e.g. {show(path, 60)} in {listed(names)}"
    )
    own = {member.label for member in members if member.path not in copies}
    without = sorted(({label for _, label in labels.values()} | {name for _, each in examples for name in each}) - own)
    if without:
        raise InputError(
            f"{text}: this is multi-label data, but a model here learns one class for each image, and no image is of "
            f"{listed(without)} alone; keep one class for each image, or leave classes out (archive.layout.leave_out)"
        )
    if len(examples) >= _MULTI_LABEL * images:
        return [f"{text}: this is multi-label data, but a model here learns one class for each image{_left(several)}"]
    kept = len(examples) > len(several)
    return [f"{text}{_left(several)}{'; see split.drop_conflicting_duplicates' if kept else ''}"]


def refuse_missing(members: Sequence[Member], folders: Mapping[str, str]) -> list[str]:
    """Say which classes have no test images.

    Raises:
        InputError: a class has no training images, or there is one class alone.
    """
    labels: dict[str, set[str]] = defaultdict(set)
    for member in members:
        if member.split != "pred":
            labels[member.split].add(member.label)
    for split in ("test", "val"):
        if only := sorted(labels[split] - labels["train"]):
            few = len(only) <= 3 and max(map(len, only)) <= 40
            raise InputError(
                f"the {_classes(only)} {listed(only)} {'has' if len(only) == 1 else 'have'} images in "
                f"{_folder(split, folders)} but none in {_folder('train', folders)}; add training images, or leave "
                f"{'it' if len(only) == 1 else 'them'} out by archive.layout.leave_out{f': {only}' if few else ''}"
            )
    if len(labels["train"]) == 1:
        raise InputError(
            f"all images are of one class, {listed(sorted(labels['train']))}; a classifier needs two or more"
        )
    if labels["test"] and (without := sorted(labels["train"] - labels["test"])):
        return [f"the {_classes(without)} {listed(without)} {'has' if len(without) == 1 else 'have'} no test images"]
    return []


def _more(examples: Sequence[object]) -> str:
    return f" ({len(examples) - 1:,} more such)" if len(examples) > 1 else ""


def _left(several: Mapping[str, Sequence[str]]) -> str:
    return f"; {count(len(several), 'such image')} of the table left out" if several else ""


def _classes(names: Sequence[str]) -> str:
    return "class" if len(names) == 1 else "classes"


def _folder(split: str, folders: Mapping[str, str]) -> str:
    return f"{folders[split]}/" if split in folders else split
