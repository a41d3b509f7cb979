"""Gives each image its split and class: by folders, a table, or its name."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from scenes.common.errors import InputError
from scenes.common.words import count, listed, show
from scenes.layout.folder_labels import Folder, folder_labels, is_generic
from scenes.layout.label_tables import Labels
from scenes.layout.listing import folder_parts
from scenes.layout.members import UnfitSetting
from scenes.layout.name_patterns import label_in, label_pattern
from scenes.layout.split_names import Place
from scenes.layout.tables import Tables

_AGREEING = 0.9  # the share of images from which a table and folders say the same


class Labelling(NamedTuple):
    """Split and class of each image.

    Attributes:
        splits: by path; '' for images outside of all splits.
        labels: by path; '' for none.
        several: the classes of each image that has several. It has none in ``labels``.
        notes: what was decided, a sentence each.
        kind: ``folders``, ``table`` or ``name``: what the labels are from.
    """

    splits: dict[str, str]
    labels: dict[str, str]
    several: dict[str, tuple[str, ...]]
    notes: list[str]
    kind: str


def label_images(
    images: Mapping[str, list[str]],
    places: Mapping[Folder, Place],
    splits: Mapping[str, str],
    tables: Tables,
    how: str | None,
    depth: int | None,
) -> Labelling:
    """Find the split and the class of each image.

    Args:
        images: the paths by folder.
        places: the place of each folder, by the names in its path.
        splits: the split of each image by its folder, '' if none.
        tables: of the archive.
        how: ``folders``, ``table:<path>``, ``table:<path>:<column>``, ``name:<pattern>``, or None: found.
        depth: see :func:`scenes.layout.folder_labels.folder_labels`.

    Raises:
        InputError: ``how`` does not fit the archive.
    """
    kind, _, rest = (how or "").partition(":")
    if kind == "name":
        found = _by_name(splits, rest)
    elif kind == "table":
        found = _by_tables(splits, [tables.chosen(rest)], tables)
    else:
        found = _by_folders_or_tables(images, splits, places, tables, depth, may_be_table=kind != "folders")
    _predict_unlabelled(found)
    return found


def take_as_train(found: Labelling, *, alone: bool) -> None:
    """Make images without a split training images, if no others are; or those of the only split with labels.

    Args:
        found: is changed.
        alone: False for one of several archives: another one may have the training images.

    Raises:
        InputError: there are labels for validation and test images alone.
    """
    labelled = _labelled_splits(found)
    if "train" in labelled or not labelled or ("" not in labelled and not alone):
        return
    if "" not in labelled and len(labelled) > 1:
        raise InputError(
            f"there are labelled images for {' and '.join(sorted(labelled))}, but none to train on; set "
            "archive.layout.train to the name of their folder"
        )
    source = "" if "" in labelled else labelled.pop()
    found.splits.update({path: "train" for path, split in found.splits.items() if split == source})
    if source:
        found.notes.append(f"all images with a class are in {source}, so they are taken as a set without splits")


def refuse_unfit(found: Labelling, how: str | None) -> None:
    """Raise UnfitSetting if ``how`` of :func:`label_images` gives no image of one of several archives a class."""
    labels = {label for label in found.labels.values() if label}.union(*found.several.values())
    if how == "folders" and len(labels) == 1 and is_generic(next(iter(labels)).split("/")):
        labels = set()  # all images are in one folder such as `photos`
    if how and not labels:
        raise UnfitSetting(
            "labels",
            f"archive.layout.labels is {show(how, 80)}, which gives no image a class; correct it, or set it to null",
        )


def take_as_unlabelled(found: Labelling) -> None:
    """Have all images of one of several archives predicted if none of them has a class."""
    if not _labelled_splits(found) and set(found.splits.values()) != {"pred"}:
        found.splits.update(dict.fromkeys(found.splits, "pred"))
        found.notes.append("no image has a class, so all will be predicted")


def _labelled_splits(found: Labelling) -> set[str]:
    labelled = {found.splits[path] for path, label in found.labels.items() if label}
    return labelled | {found.splits[path] for path in found.several}


def _predict_unlabelled(found: Labelling) -> None:
    """Take the test or validation images as those to be predicted if none of them has a class, as in competitions."""
    labelled = _labelled_splits(found)
    for split in ("test", "val"):
        images = [path for path, each in found.splits.items() if each == split]
        if images and labelled and split not in labelled:
            found.splits.update(dict.fromkeys(images, "pred"))
            found.notes.append(
                f"the {count(len(images), 'image')} of {split} {'has' if len(images) == 1 else 'have'} no class and "
                "will be predicted"
            )


def _by_folders_or_tables(
    images: Mapping[str, list[str]],
    splits: Mapping[str, str],
    places: Mapping[Folder, Place],
    tables: Tables,
    depth: int | None,
    *,
    may_be_table: bool,
) -> Labelling:
    """Label by folders, unless these make no classes and a table does; test and val may differ from train."""
    by_folder = folder_labels(places, depth)
    present = {place.split for place in places.values()}
    split_of_training = "train" if "train" in present else "" if "" in present else None
    training = {
        label for folder, label in by_folder.items() if label and split_of_training in (None, places[folder].split)
    }
    if len(training) > 1 and not all(map(is_generic, training)):
        found = _by_folders(images, splits, by_folder)
        _label_flat_splits(found, {"/".join(label) for label in training}, tables if may_be_table else None)
        if may_be_table:
            _compare(found, tables)
        return found
    if may_be_table and tables.labels:
        named = len(tables.labels[0].labels)
        if len(training) < 2 or named >= _AGREEING * len(splits):
            return _by_tables(splits, tables.labels, tables)
    return _by_folders(images, splits, by_folder)


def _by_folders(
    images: Mapping[str, list[str]], splits: Mapping[str, str], by_folder: Mapping[Folder, Folder]
) -> Labelling:
    labels: dict[str, str] = {}
    for folder, paths in images.items():
        labels |= dict.fromkeys(paths, "/".join(by_folder[folder_parts(folder)]))
    return Labelling(dict(splits), labels, {}, [], "folders")


def _by_name(splits: Mapping[str, str], text: str) -> Labelling:
    pattern = label_pattern(text)
    labels = {path: "" if split == "pred" else label_in(pattern, path) for path, split in splits.items()}
    note = f"the classes are taken from the names of the files, by {show(text)}"
    return Labelling(dict(splits), labels, {}, [note], "name")


def _by_tables(splits: Mapping[str, str], found: Iterable[Labels], tables: Tables) -> Labelling:
    """Take the labels of the tables; an image in several gets those of the first."""
    labels = dict.fromkeys(splits, "")
    several: dict[str, tuple[str, ...]] = {}
    stated: dict[str, str] = {}
    lost: list[str] = []
    used = []
    for table in found:
        fresh = {path: names for path, names in table.labels.items() if not labels[path] and path not in several}
        if not fresh:
            continue
        used.append(table)
        lost += table.lost
        labels |= {path: names[0] for path, names in fresh.items() if len(names) == 1}
        several |= {path: names for path, names in fresh.items() if len(names) > 1}
        stated |= {path: split for path, split in table.splits.items() if path in fresh}
    tables.used |= {table.path for table in used}
    columns = " and ".join(dict.fromkeys(table.how for table in used))
    notes = [f"the classes are taken from {listed([table.path for table in used])} ({columns})"]
    if stated:
        notes.append(f"the table states the split of {count(len(stated), 'image')}")
    if lost:
        notes.append(
            f"{count(len(lost), 'row')} of the table {'names' if len(lost) == 1 else 'name'} no image of the archive, "
            f"e.g. {show(lost[0], 60)}"
        )
    return Labelling({**splits, **stated}, labels, several, notes, "table")


def _label_flat_splits(found: Labelling, classes: set[str], tables: Tables | None) -> None:
    """Label the images of test and val from a table where no folders say their classes."""
    for split in ("test", "val"):
        flat = [path for path, each in found.splits.items() if each == split]
        if not flat or any(_is_class(found.labels[path], classes) for path in flat):
            continue
        found.labels.update(dict.fromkeys(flat, ""))
        if tables is None:
            continue
        for table in tables.labels_among(classes):
            named = {path: table.labels[path] for path in flat if path in table.labels}
            right = {path: names[0] for path, names in named.items() if len(names) == 1 and names[0] in classes}
            if len(right) >= _AGREEING * len(flat):
                found.labels.update(right)
                found.notes.append(f"the classes in {split} are taken from {show(table.path)} ({table.how})")
                tables.used.add(table.path)
                break


def _is_class(label: str, classes: set[str]) -> bool:
    """Return whether a label of a test set is more than a folder that any image may be in."""
    return label in classes or (bool(label) and not is_generic(label.split("/")))


def _compare(found: Labelling, tables: Tables) -> None:
    """Say when a table divides the images into other classes than the folders do, whatever it calls them."""
    if not tables.labels:
        return
    table = tables.labels[0]
    pairs = Counter((found.labels[path], names) for path, names in table.labels.items() if names and found.labels[path])
    agreeing = min(_in_largest(pairs, 0), _in_largest(pairs, 1))
    labelled = sum(bool(label) for label in found.labels.values())
    if pairs.total() >= _AGREEING * labelled and agreeing < _AGREEING * pairs.total():
        found.notes.append(
            f"{show(table.path, 60)} ({table.how}) labels the images as well, but the folders were taken for the "
            f"classes; if the table is right, set archive.layout.labels to 'table:{table.path}'"
        )


def _in_largest(pairs: Counter[tuple[str, tuple[str, ...]]], by: int) -> int:
    """Return how many images are in the most frequent pair of each label of one kind."""
    largest: dict[object, int] = {}
    for pair, number in pairs.items():
        largest[pair[by]] = max(number, largest.get(pair[by], 0))
    return sum(largest.values())
