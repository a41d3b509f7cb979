"""What the audit refuses before anything is trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scenes.audit.audit_table import FATAL, usable
from scenes.common.errors import InputError
from scenes.common.words import shortened, show
from scenes.dataset.hold_out import refuse_too_few, units
from scenes.images.formats import not_read

if TYPE_CHECKING:
    import pandas as pd

_WORDS = {
    "not_an_image": "not in a format that is read here",
    "web_page": "web pages",
    "corrupt": "corrupt",
    "too_many_pixels": "larger than archive.max_pixels",
}


def refuse_unusable(
    audit: "pd.DataFrame", archive: str | Path, table: str | Path, formats_not_read: Mapping[str, str] = {}
) -> None:
    """Raise an InputError if no classifier can be trained and tested on these images.

    Args:
        audit: the table of ``scenes.audit.audit_table``.
        archive: path of the archive, for the message.
        table: path of the audit as CSV, for the message.
        formats_not_read: ``not_read`` of ``scenes.audit.audit.Audit``.

    Raises:
        InputError: no labelled image can be decoded; there is one class alone; a class has no usable image in train;
            or a class has too few images to be divided, whatever the parameters of the split.
    """
    labelled = audit[audit["split"] != "pred"]
    good = usable(labelled)
    formats = not_read(formats_not_read.values())
    if not len(good):
        raise InputError(f"{archive}: {'; '.join([_describe(labelled), *formats])}; see {table}")
    classes = sorted(set(labelled["label"]))
    if len(classes) == 1:
        raise InputError(
            f"{archive}: {show(classes[0], 60)} is the only class, and a classifier needs two; add images of another "
            "class, or set archive.layout so that the others are found"
        )
    trained = good[good["split"] == "train"]
    if missing := sorted({*classes} - {*trained["label"]}):
        raise InputError(f"{archive}: {'; '.join([_without_training(labelled, missing), *formats])}; see {table}")
    _refuse_few(good, trained, classes)


def _refuse_few(good: "pd.DataFrame", trained: "pd.DataFrame", classes: list[str]) -> None:
    """Raise an InputError if a class cannot fill train, val and test under any parameters of the split."""
    own_val, own_test = (set(good.loc[good["split"] == name, "label"]) for name in ("val", "test"))
    have = units(good).loc[trained.index].groupby(trained["label"]).nunique().to_dict()
    # A class without test images in an archive that has some may be left out by split.without_test.
    need = {label: 1 + (label not in own_val) + (not own_test) for label in classes}
    refuse_too_few(have, need)


def _describe(images: "pd.DataFrame") -> str:
    """Return how many of the images are unusable for which reason, with an example."""
    broken = images[images["problem"].isin(FATAL)]
    counts = {word: int((broken["problem"] == word).sum()) for word in FATAL}
    counts = {word: count for word, count in counts.items() if count}
    example = show(min(broken["path"]))
    if len(counts) == 1:
        (word,) = counts
        return f"{len(broken):,} of {len(images):,} files are {_WORDS[word]}{_suffixes(broken, word)}, e.g. {example}"
    parts = ", ".join(f"{count:,} {_WORDS[word]}{_suffixes(broken, word)}" for word, count in counts.items())
    return f"{len(broken):,} of {len(images):,} files cannot be decoded: {parts}, e.g. {example}"


def _suffixes(broken: "pd.DataFrame", word: str) -> str:
    """Return the suffixes of the files in other formats, in brackets; '' for the other problems."""
    if word != "not_an_image":
        return ""
    paths = broken.loc[broken["problem"] == word, "path"]
    suffixes = {Path(path).suffix.lower() or "no suffix" for path in paths}
    return f" ({shortened(sorted(suffixes))})"


def _without_training(labelled: "pd.DataFrame", missing: list[str]) -> str:
    """Return which classes have no usable training image, and why."""
    members = dict(list(labelled[labelled["split"] == "train"].groupby("label")))
    reasons = [
        f"{show(label, 60)} ({_describe(members[label]) if label in members else 'no files in train'})"
        for label in missing
    ]
    return (
        f"no image to train on of {shortened(reasons)}; add images, or leave the class out by archive.layout.leave_out"
    )
