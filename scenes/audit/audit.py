"""The audit: every image of an archive is decoded once and gets a row in a table; copies are found among all."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scenes.audit import inspection, mirrored_classes
from scenes.audit.audit_table import COLUMNS, usable
from scenes.common.outputs import write_sums
from scenes.duplicates import near_duplicates
from scenes.duplicates.duplicate_groups import groups
from scenes.duplicates.perceptual_hash import Fingerprint
from scenes.executors import executor, reuse
from scenes.layout.layout import Archive, Member

if TYPE_CHECKING:
    import pandas as pd

_PAIRS = "near_duplicates.csv"


class Audit(NamedTuple):
    """What the audit finds.

    Attributes:
        table: a row per member, see ``scenes.audit.audit_table``.
        mirrored_classes: pairs of classes that look like mirror images of each other, sorted.
        not_read: by path, the format of images in one that is not read, see ``scenes.images.formats.format_not_read``.
    """

    table: "pd.DataFrame"
    mirrored_classes: list[tuple[str, str]]
    not_read: dict[str, str]


def file_keys(archive: Archive, facts: Iterable[object]) -> dict[str, str]:
    """Return the key of each file that :func:`audit` reuses, see :func:`scenes.audit.inspection.file_keys`."""
    return {**inspection.file_keys(archive, facts), _PAIRS: reuse.key(*facts)}


def audit(
    archive: Archive,
    folder: Path,
    *,
    max_pixels: int,
    near_duplicate_distance: int,
    run: executor.Run = executor.run,
    processes: int | None = None,
) -> Audit:
    """Decode every member of the archive, and some of those that may be near duplicates once more.

    The result depends neither on the executor nor on what was reused. It takes some 4 KB of memory per image, and a few
    images per process.

    Args:
        archive: an open archive.
        folder: of what an earlier audit has found, and is reused; see :func:`file_keys`. What is missing is written,
            and so is SHA256SUMS. It is the same in the end as if it had been empty.
        max_pixels: a larger image gets a row but is not decoded.
        near_duplicate_distance: the largest difference between the perceptual hashes of images that are compared, in
            bits of 64.
        run: :func:`scenes.executors.executor.run`, or that of ``kept``.
        processes: by default one for each core that this process may use.

    Raises:
        InputError: a member is larger than the archive states, or a process was killed.
    """
    import pandas as pd

    found = inspection.inspect_all(archive, folder, max_pixels=max_pixels, run=run, processes=processes)
    table = pd.DataFrame(archive.members, columns=list(Member._fields))
    for name in ("width", "height"):
        table[name] = found[name]
    for name in ("mode", "sha256", "pixel_sha256", "problem"):
        table[name] = found[name].astype(str).tolist()
    whole = zip(found["hashes"][:, 0].tolist(), found["structured"].tolist(), strict=True)
    table["phash"] = [f"{phash:016x}" if structured else "" for phash, structured in whole]
    _mark_odd_sizes(table)
    images = _distinct_images(table, found)
    compared = near_duplicates.find(
        archive,
        images,
        distance=near_duplicate_distance,
        max_pixels=max_pixels,
        known=near_duplicates.read(folder / _PAIRS),
        run=run,
        processes=processes,
    )
    near_duplicates.write(folder / _PAIRS, compared)
    write_sums(folder)
    paths = {image.pixels: image.path for image in images}
    near = [(paths[pair.first], paths[pair.second]) for pair, same in compared.items() if same]
    table["group"] = groups(table["sha256"].tolist(), table["pixel_sha256"].tolist(), table["path"].tolist(), near)
    labelled = [(image.fingerprint.thumbnail, label) for image in images for label in sorted(image.labels)]
    thumbnails, labels = (list(values) for values in zip(*labelled, strict=True)) if labelled else ([], [])
    formats = zip(table["path"], found["not_read"].astype(str).tolist(), strict=True)
    return Audit(
        table[list(COLUMNS)],
        mirrored_classes.find(np.array(thumbnails), labels),
        {path: name for path, name in formats if name},
    )


def _distinct_images(table: "pd.DataFrame", found: np.ndarray) -> list[near_duplicates.Image]:
    """Return the images that can have near duplicates, one for all with the same pixels, in the order of their hash."""
    labels: dict[str, set[str]] = {}
    first: dict[str, tuple[str, np.void]] = {}
    for path, label, pixels, row in zip(table["path"], table["label"], table["pixel_sha256"], found, strict=True):
        if row["structured"]:
            first.setdefault(pixels, (path, row))
            labels.setdefault(pixels, set()).update({label} - {""})
    return [
        near_duplicates.Image(path, pixels, frozenset(labels[pixels]), Fingerprint(row["hashes"], row["thumbnail"]))
        for pixels, (path, row) in sorted(first.items())
    ]


def _mark_odd_sizes(table: "pd.DataFrame") -> None:
    """Mark images without another problem as ``odd_size``, if more than half of the usable images have another size."""
    good = usable(table)
    sizes = Counter(zip(good["width"], good["height"], strict=True))
    (width, height), count = max(sizes.items(), key=lambda item: item[1], default=((0, 0), 0))
    if 2 * count > len(good):
        odd = (good["problem"] == "") & ((good["width"] != width) | (good["height"] != height))
        table.loc[good.index[odd], "problem"] = "odd_size"
