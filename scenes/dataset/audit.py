"""The audit: every image of an archive is decoded once, in several processes, and gets a row in a table."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scenes.archive.layout import Archive, Member
from scenes.archive.safe_zip import DamagedMember
from scenes.common.runtime import cores
from scenes.common.suffixes import suffix
from scenes.dataset import mirrored_classes, near_duplicates
from scenes.dataset.archive_workers import map_chunks
from scenes.dataset.audit_table import COLUMNS, usable
from scenes.dataset.duplicate_groups import groups
from scenes.dataset.perceptual_hash import Fingerprint, fingerprint
from scenes.images import decode
from scenes.images.formats import format_not_read

if TYPE_CHECKING:
    import pandas as pd

# Members that a process takes at a time: enough to keep the transfer cheap, few enough to share the last ones evenly.
_CHUNK = 64

_SUFFIXES_OF_FORMAT = {
    ("JPEG", "MPO"): (".jpg", ".jpeg", ".jpe", ".jfif"),
    ("PNG",): (".png", ".apng"),
    ("WEBP",): (".webp",),
    ("GIF",): (".gif",),
    ("BMP", "DIB"): (".bmp", ".dib"),
    ("TIFF",): (".tif", ".tiff"),
    ("PPM",): (".pnm", ".pbm", ".pgm", ".ppm"),
    ("HEIF",): (".heic", ".heif", ".hif"),
    ("AVIF",): (".avif",),
}
_FORMATS_OF_SUFFIX = {name: formats for formats, names in _SUFFIXES_OF_FORMAT.items() for name in names}


class Audit(NamedTuple):
    """What the audit finds.

    Attributes:
        table: a row per member, see ``scenes.dataset.audit_table``.
        mirrored_classes: pairs of classes that look like mirror images of each other, sorted.
        not_read: by path, the format of images in one that is not read, see ``scenes.images.formats.format_not_read``.
    """

    table: "pd.DataFrame"
    mirrored_classes: list[tuple[str, str]]
    not_read: dict[str, str]


class Inspected(NamedTuple):
    """One member: its row of the table, without the group; what its near duplicates are found by; its unread format."""

    row: dict[str, Any]
    fingerprint: Fingerprint | None = None
    not_read: str = ""


def audit(archive: Archive, *, max_pixels: int, near_duplicate_distance: int, workers: int | None = None) -> Audit:
    """Decode every member of the archive, and some of those that may be near duplicates once more.

    The result depends neither on ``workers`` nor on the order of the archive. The memory needed is that of the table,
    of some 700 bytes per image, and of a few images per process.

    Args:
        archive: an open archive; each process opens it again.
        max_pixels: a larger image gets a row but is not decoded.
        near_duplicate_distance: the largest difference between the perceptual hashes of images that are compared, in
            bits of 64.
        workers: processes; by default one for each core that this process may use.

    Raises:
        InputError: a member is larger than the archive states, or a process was killed.
    """
    import pandas as pd

    workers = workers or cores()
    inspected = list(_inspect_all(archive, max_pixels, workers))
    table = pd.DataFrame([one.row for one in inspected], columns=[name for name in COLUMNS if name != "group"])
    _mark_odd_sizes(table)
    images = _distinct_images(table, [one.fingerprint for one in inspected])
    near = near_duplicates.find(
        archive, images, distance=near_duplicate_distance, max_pixels=max_pixels, workers=workers
    )
    table["group"] = groups(table["sha256"].tolist(), table["pixel_sha256"].tolist(), table["path"].tolist(), near)
    labelled = [(image.fingerprint.thumbnail, label) for image in images for label in sorted(image.labels)]
    thumbnails, labels = (list(values) for values in zip(*labelled, strict=True)) if labelled else ([], [])
    not_read = {one.row["path"]: one.not_read for one in inspected if one.not_read}
    return Audit(table[list(COLUMNS)], mirrored_classes.find(np.array(thumbnails), labels), not_read)


def inspect(member: Member, data: bytes, *, max_pixels: int) -> Inspected:
    """Decode the bytes of one member."""
    row = _blank(member) | {"sha256": hashlib.sha256(data).hexdigest()}
    try:
        image = decode.decode(data, max_pixels=max_pixels)
    except decode.ImageProblem as error:
        unknown = error.reason == decode.NOT_AN_IMAGE
        row |= {"width": error.width, "height": error.height, "mode": error.mode}
        row["problem"] = "web_page" if unknown and decode.is_web_page(data) else error.reason
        return Inspected(row, not_read=format_not_read(data) if unknown else "")
    height, width, _ = image.pixels.shape
    problem = ""
    if image.damaged:
        problem = "damaged"
    elif image.format not in _FORMATS_OF_SUFFIX.get(suffix(member.path), (image.format,)):
        problem = "wrong_format"
    elif image.mode != "RGB":
        problem = "odd_mode"
    found = fingerprint(image.pixels)
    row |= {
        "width": width,
        "height": height,
        "mode": image.mode,
        "pixel_sha256": pixel_hash(image.pixels),
        "phash": f"{int(found.hashes[0]):016x}" if found else "",
        "problem": problem,
    }
    return Inspected(row, found)


def pixel_hash(pixels: np.ndarray) -> str:
    """Return the sha256 of the shape and the pixels of an image, uint8 (height, width, 3), in hex digits."""
    height, width, _ = pixels.shape
    digest = hashlib.sha256(f"{height}x{width}x3:".encode())
    digest.update(np.ascontiguousarray(pixels).reshape(-1).data)
    return digest.hexdigest()


def _blank(member: Member) -> dict[str, Any]:
    """Return a row that describes only the member."""
    texts = dict.fromkeys(("mode", "sha256", "pixel_sha256", "phash", "problem"), "")
    return member._asdict() | {"width": 0, "height": 0} | texts


def _inspect_chunk(archive: Archive, members: Sequence[Member], *, max_pixels: int) -> list[Inspected]:
    inspected = []
    for member in members:
        try:
            data = archive.read(member.path)
        except DamagedMember:
            inspected.append(Inspected(_blank(member) | {"problem": decode.CORRUPT}))
        else:
            inspected.append(inspect(member, data, max_pixels=max_pixels))
    return inspected


def _inspect_all(archive: Archive, max_pixels: int, workers: int) -> Iterator[Inspected]:
    """Yield every member, in the order of the archive."""
    from tqdm import tqdm

    members = archive.members
    chunks = [members[start : start + _CHUNK] for start in range(0, len(members), _CHUNK)]
    with tqdm(total=len(members), desc="audit", unit=" images", disable=None) as progress:
        for inspected in map_chunks(partial(_inspect_chunk, max_pixels=max_pixels), archive, chunks, workers):
            yield from inspected
            progress.update(len(inspected))


def _distinct_images(table: "pd.DataFrame", fingerprints: Sequence[Fingerprint | None]) -> list[near_duplicates.Image]:
    """Return the images that can have near duplicates, one for all with the same pixels, in the order of their hash."""
    labels: dict[str, set[str]] = {}
    first: dict[str, tuple[str, Fingerprint]] = {}
    columns = (table[name] for name in ("path", "label", "pixel_sha256"))
    for path, label, pixels, found in zip(*columns, fingerprints, strict=True):
        if found:
            first.setdefault(pixels, (path, found))
            labels.setdefault(pixels, set()).update({label} - {""})
    return [
        near_duplicates.Image(first[pixels][0], frozenset(labels[pixels]), first[pixels][1]) for pixels in sorted(first)
    ]


def _mark_odd_sizes(table: "pd.DataFrame") -> None:
    """Mark images without another problem as ``odd_size``, if more than half of the usable images have another size."""
    good = usable(table)
    sizes = Counter(zip(good["width"], good["height"], strict=True))
    (width, height), count = max(sizes.items(), key=lambda item: item[1], default=((0, 0), 0))
    if 2 * count > len(good):
        odd = (good["problem"] == "") & ((good["width"] != width) | (good["height"] != height))
        table.loc[good.index[odd], "problem"] = "odd_size"
