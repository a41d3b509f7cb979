"""What is said of a layout: how it was found, or why none was."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from scenes.common.words import count, listed, show
from scenes.layout.folder_labels import Folder
from scenes.layout.labelling import Labelling
from scenes.layout.listing import Listing, folder_parts, total
from scenes.layout.members import Member, UnfitSetting
from scenes.layout.name_patterns import propose
from scenes.layout.split_names import Place
from scenes.layout.tables import Tables

# Where images without a label are, by what the labels are from.
_WITHOUT_LABEL = {"folders": "in no class folder", "table": "in no table of labels", "name": "named otherwise"}

_SETS = {"val": "validation", "test": "test"}


def no_images(listing: Listing) -> str:
    """Return why an archive without images cannot be used."""
    files = listing.skipped + Counter(table[table.rindex(".") :].lower() for table in listing.tables)
    if not files:
        return "there is no image, nor any other file; check the path"
    kinds = ", ".join(f"{number:,} {suffix}" for suffix, number in files.most_common(3))
    tops = sorted({parts[0] for folder in listing.imageless if (parts := folder_parts(folder))})
    place = f" in {listed(tops)}" if tops else ""
    return (
        f"there is no image, only {count(files.total(), 'other file')} ({kinds}){place}; images end in .jpg, .png etc."
    )


def no_labels(listing: Listing, splits: Mapping[str, str], classes: Sequence[str], tables: Tables) -> str:
    """Return why images without two classes cannot be used, and what to set.

    Args:
        splits: of each image, '' if none.
        classes: none or one.
    """
    paths = [path for path, split in splits.items() if split in ("train", "")] or list(splits)
    if classes:
        text = f"all {count(total(listing.images), 'image')} are of one class, {listed(classes)}"
    else:
        text = f"no class folder holds the {count(total(listing.images), 'image')}, e.g. {show(paths[0], 60)}"
    if tables.headers:
        path, header = tables.headers[0]
        text += f", and no table says their classes ({show(path, 60)} has {', '.join(map(repr, header))[:60]})"
    elif not classes:
        text += ", and no table says their classes"
    if possible := tables.possible:
        columns = " or ".join(show(each, 80) for each in possible[:3])
        return f"{text}; if a column has them, set archive.layout.labels to {columns}"
    if proposal := propose(paths):
        pattern, counts = proposal
        return f"{text}; to take {listed(sorted(counts))} from the names, set archive.layout.labels to 'name:{pattern}'"
    return f"{text}; put the images of each class in a folder of its own, or set archive.layout.labels"


def refuse_unused(settings: Mapping[str, Any], places: Mapping[Folder, Place]) -> None:
    """Raise UnfitSetting if the folder that a user named for a split holds no images. That of pred may be missing."""
    used = {place.split for place in places.values()}
    for split in ("train", "val", "test"):
        if settings.get(split) and split not in used:
            tops = sorted({folder[0] for folder in places if folder})
            raise UnfitSetting(
                split,
                f"archive.layout.{split} is {show(settings[split], 60)}, but there is no image in a folder of this "
                f"name; the folders are {listed(tops, 5) if tops else 'none'}",
            )


def held_out(members: Sequence[Member], folders: Mapping[str, str]) -> list[str]:
    """Say which sets the split stage will have to hold out of the training images."""
    splits = {member.split for member in members}
    if not {"val", "test"} & splits:
        what = (
            "validation and test images are held out of the training images (split.val_fraction, split.test_fraction)"
        )
        return [f"there is {'no labelled test set' if 'train' in folders else 'no split'}: {what}"]
    if "test" not in splits:
        return ["there is no labelled test set: one is held out of the training images (split.test_fraction)"]
    if "val" not in splits:
        return ["there is no validation set: one is held out of the training images (split.val_fraction)"]
    return []


def held_out_by_archive(members: Sequence[Member], names: Sequence[str]) -> list[str]:
    """Say of which of several archives the split stage will hold out a whole set, as none before has one.

    Args:
        members: the labelled ones.
        names: of the archives.
    """
    training = sorted({member.archive for member in members if member.split == "train"})
    lacking: dict[tuple[str, ...], list[str]] = {}
    for split in ("val", "test"):
        first = min((member.archive for member in members if member.split == split), default=len(names) + 1)
        lacking.setdefault(tuple(names[number - 1] for number in training if number < first), []).append(split)
    lacking.pop((), None)
    return [
        f"{' and '.join(_SETS[split] for split in splits)} images are held out of the training images of "
        f"{listed(archives, 5)}, because no archive up to {'it' if len(archives) == 1 else 'these'} has any "
        f"({', '.join(f'split.{split}_fraction' for split in splits)})"
        for archives, splits in lacking.items()
    ]


def nested(classes: Sequence[str]) -> list[str]:
    """Say that classes, by folders, are paths of several."""
    deep = [label for label in classes if "/" in label]
    if not deep:
        return []
    tops = sorted({label.partition("/")[0] for label in classes})
    return [
        f"classes are folders in folders, e.g. {show(deep[0], 60)}; archive.layout.depth: 1 makes them "
        f"{count(len(tops), 'class', 'classes')}, {listed(tops)}"
    ]


def like_splits(folders: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Say which classes have the name of a split."""
    names = sorted({folder.rpartition("/")[2] for folder in folders} & set(classes))
    if not names:
        return []
    return [
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} taken for {'a class' if len(names) == 1 else 'classes'} "
        "and not for a split, because of the folders beside; archive.layout.train, val, test and pred name the splits"
    ]


def left_outside(labelling: Labelling) -> list[str]:
    """Say which images are left out: those without a class, and those beside the folders of the splits."""
    splits, labels, several = labelling.splits, labelling.labels, labelling.several
    unlabelled = [
        path for path, label in labels.items() if not label and splits[path] not in ("", "pred") and path not in several
    ]
    unsplit = [path for path, split in splits.items() if not split]
    return [
        f"{count(len(paths), 'image')} {'is' if len(paths) == 1 else 'are'} {where} and left out, e.g. "
        f"{show(paths[0], 60)}"
        for paths, where in ((unlabelled, _WITHOUT_LABEL[labelling.kind]), (unsplit, "outside of the splits"))
        if paths
    ]


def without_images(listing: Listing, labels: Mapping[str, str]) -> list[str]:
    """Say which folders beside those of classes hold no image.

    Args:
        labels: the class of each image.
    """
    parents = {folder_parts(folder)[:-1] for folder, paths in listing.images.items() if labels[paths[0]]}
    empty = [folder for folder in listing.imageless if folder and folder_parts(folder)[:-1] in parents]
    if not empty:
        return []
    return [f"{count(len(empty), 'folder')} without an image, taken for no class: {listed(empty)}"]
