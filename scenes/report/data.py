"""What the report says about the data: where it comes from, what the audit found, how it was divided."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scenes.common.tables import flatten
from scenes.download.source import Source, parse_sources

if TYPE_CHECKING:
    import pandas as pd

_PROBLEMS = {
    "corrupt": "truncated or damaged, left out",
    "damaged": "damaged in part: the decoder warned",
    "not_an_image": "not an image, left out",
    "web_page": "a web page under an image's name, left out",
    "too_many_pixels": "too many pixels, left out",
    "wrong_format": "in another format than the file name says, used",
    "odd_mode": "not stored as 8-bit RGB (grey, CMYK, ...), used",
    "odd_size": "of another size than most, used",
}
_SPLITS = {"train": "training", "val": "validation", "test": "test"}


def describe_source(source: str | list[str]) -> str:
    """Return what may be published about a source, or several: paths and addresses can contain private parts.

    Args:
        source: see ``scenes.download.source``.
    """
    *others, last = map(_describe, parse_sources(source))
    return f"{', '.join(others)} and {last}" if others else last


def _describe(parsed: Source) -> str:
    if parsed.kind == "kaggle":
        version = f"version {parsed.version}" if parsed.version else "the latest version"
        return f"from Kaggle's data set {parsed.place} ({version})"
    if parsed.kind == "web":
        return f"from {urlsplit(parsed.place).hostname}"
    if parsed.kind == "env":
        return "from a private address"
    if parsed.kind == "file":
        return f"from {PurePath(parsed.place).name}"
    return "drawn by code, with planted faults"


def findings(audit: Mapping[str, Any], test: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return ``name``, ``images`` and ``note`` of each finding of the audit, without those of no image.

    Args:
        audit: data/scores/audit.json.
        test: scores on the test images, with their counts.
    """
    exact, near = audit["duplicates"]["exact"], audit["duplicates"]["near"]
    rows = [(_PROBLEMS.get(problem, problem), images, "") for problem, images in audit["problems"].items()]
    rows += [
        (
            "duplicates of another image, exact or near",
            near["images"],
            f"{near['groups']:,} groups; {exact['images']:,} images are byte-for-byte copies of another",
        ),
        (
            "of these, in groups with both training and test images",
            near["train_and_test"]["images"],
            "a model that memorised the training image scores too well",
        ),
        (
            "of these, in groups with several labels",
            near["conflicting_labels"]["images"],
            "one of the labels is wrong, or the classes overlap",
        ),
        (
            "clean test images: no duplicate in training or with another label",
            test["clean"]["count"],
            f"{100 * test['clean']['count'] / test['count']:.1f} % of the test images",
        ),
        ("other files in the archive, skipped", sum(flatten(audit["ignored"]).values()), ""),
    ]
    return [{"name": name, "images": images, "note": note} for name, images, note in rows if images]


def images_per_class(split: "pd.DataFrame", classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the number of images by class and split, train, val and test.

    Args:
        split: data/split.csv.
    """
    import pandas as pd

    counts = pd.crosstab(split["label"], split["split"])
    return counts.reindex(index=list(classes), columns=list(_SPLITS), fill_value=0).to_dict("index")


def division(audit: Mapping[str, Any], split: "pd.DataFrame") -> list[str]:
    """Return how many images are in each part of the archive, which add up to all of them, without empty parts.

    Args:
        audit: data/scores/audit.json.
        split: data/split.csv.
    """
    images = split["split"].value_counts()
    parts = [(images.get(name, 0), words) for name, words in _SPLITS.items()]
    parts += [
        (images.get("pred", 0), "without a label"),
        (audit["usable"]["total"] - len(split), "left out (such as training images that are also in the test set)"),
        (audit["images"]["total"] - audit["usable"]["total"], "unusable"),
    ]
    return [f"{count:,} {words}" for count, words in parts if count]


def held_out(audit: Mapping[str, Any], counts: Mapping[str, Mapping[str, int]], archives: int) -> dict[str, str]:
    """Return a sentence for each of val and test that the archive does not have for every class, by split.

    Args:
        audit: data/scores/audit.json, with the archive's own splits.
        counts: see :func:`images_per_class`.
        archives: how many there are.
    """
    sentences = {}
    archive, have, its, how = "The archive", "has", "its", ""
    if archives > 1:
        archive, have, its = "The archives", "have", "their"
        how = ", archive by archive, so that one more moves no image of the others"
    for split in ("val", "test"):
        name = _SPLITS[split]
        lacking = [label for label in counts if not audit["classes"].get(label, {}).get(split, 0)]
        images = sum(counts[label][split] for label in lacking)
        if not images:
            continue
        if len(lacking) == len(counts):
            sentences[split] = (
                f"{archive} {have} no {name} set: {images:,} of {its} training images were held out for it{how}."
            )
        else:
            sentences[split] = (
                f"{len(lacking):,} of {len(counts):,} classes have no {name} images in {archive.lower()}: "
                f"{images:,} of their training images were held out{how}."
            )
    return sentences
