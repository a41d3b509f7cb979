"""The audit: every image of an archive is decoded once, in shards of 64, and gets a row in a table."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scenes.archive.packed import DamagedMember, Packed, unpack
from scenes.audit import mirrored_classes
from scenes.audit.audit_table import COLUMNS, usable
from scenes.common.suffixes import suffix
from scenes.duplicates import near_duplicates
from scenes.duplicates.duplicate_groups import groups
from scenes.duplicates.perceptual_hash import Fingerprint, fingerprint
from scenes.executors import executor
from scenes.executors.shards import Job, Shard, first_and_last
from scenes.images import decode
from scenes.images.formats import format_not_read
from scenes.layout.layout import Archive, Member

if TYPE_CHECKING:
    import pandas as pd

# Members of a shard: enough to keep the transfer cheap, few enough to share the last ones evenly.
_SHARD = 64

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
        table: a row per member, see ``scenes.audit.audit_table``.
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


def audit(
    archive: Archive,
    *,
    max_pixels: int,
    near_duplicate_distance: int,
    run: executor.Run = executor.run,
    processes: int | None = None,
) -> Audit:
    """Decode every member of the archive, and some of those that may be near duplicates once more.

    The result depends neither on the executor nor on the order of the archive. It takes some 4 KB of memory per image,
    and a few images per process.

    Args:
        archive: an open archive.
        max_pixels: a larger image gets a row but is not decoded.
        near_duplicate_distance: the largest difference between the perceptual hashes of images that are compared, in
            bits of 64.
        run: :func:`scenes.executors.executor.run`, or that of ``kept``.
        processes: by default one for each core that this process may use.

    Raises:
        InputError: a member is larger than the archive states, or a process was killed.
    """
    import pandas as pd

    job = Job("audit", _inspect_shard, processes=processes, advice=near_duplicates.ADVICE)
    columns = [name for name in COLUMNS if name != "group"]
    rows: list[tuple] = []
    fingerprints: list[Fingerprint | None] = []
    not_read: dict[str, str] = {}
    for result in run(job, _shards(archive, max_pixels)):
        for one in _read(result):
            rows.append(tuple(one.row[name] for name in columns))
            fingerprints.append(one.fingerprint)
            if one.not_read:
                not_read[one.row["path"]] = one.not_read
    table = pd.DataFrame(rows, columns=columns)
    del rows
    _mark_odd_sizes(table)
    images = _distinct_images(table, fingerprints)
    near = near_duplicates.find(
        archive, images, distance=near_duplicate_distance, max_pixels=max_pixels, run=run, processes=processes
    )
    table["group"] = groups(table["sha256"].tolist(), table["pixel_sha256"].tolist(), table["path"].tolist(), near)
    labelled = [(image.fingerprint.thumbnail, label) for image in images for label in sorted(image.labels)]
    thumbnails, labels = (list(values) for values in zip(*labelled, strict=True)) if labelled else ([], [])
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


class _Spec(NamedTuple):
    """What a shard is to do with its bytes."""

    members: tuple[Member, ...]
    packed: tuple[Packed, ...]
    max_pixels: int


def _shards(archive: Archive, max_pixels: int) -> list[Shard]:
    """Return the members, in the order of the archive."""
    shards: list[Shard] = []
    for start in range(0, len(archive.members), _SHARD):
        members = archive.members[start : start + _SHARD]
        ranges, packed = zip(*(archive.locate(member.path) for member in members), strict=True)
        images = first_and_last([member.path for member in members])
        name = f"{len(shards) + 1}"
        shards.append(Shard(name, ranges, _Spec(members, packed, max_pixels), len(members), images))
    return shards


def _inspect_shard(_: None, shard: Shard, parts: Sequence[bytes]) -> bytes:
    """Return what :func:`_read` reads: one ``Inspected`` for each member."""
    spec: _Spec = shard.spec
    inspected = []
    for member, packed, part in zip(spec.members, spec.packed, parts, strict=True):
        try:
            data = unpack(part, packed)
        except DamagedMember:
            inspected.append(Inspected(_blank(member) | {"problem": decode.CORRUPT}))
        else:
            inspected.append(inspect(member, data, max_pixels=spec.max_pixels))
    return _written(inspected)


def _written(inspected: Sequence[Inspected]) -> bytes:
    found = [one.fingerprint for one in inspected if one.fingerprint]
    rows = json.dumps([[one.row, one.fingerprint is not None, one.not_read] for one in inspected])
    buffer = io.BytesIO()
    np.savez(
        buffer,
        rows=np.array(rows),
        hashes=np.array([one.hashes for one in found]),
        thumbnails=np.array([one.thumbnail for one in found]),
    )
    return buffer.getvalue()


def _read(content: bytes) -> Iterator[Inspected]:
    with np.load(io.BytesIO(content)) as arrays:
        rows = json.loads(str(arrays["rows"]))
        found = map(Fingerprint, arrays["hashes"], arrays["thumbnails"])
    for row, has_structure, not_read in rows:
        yield Inspected(row, next(found) if has_structure else None, not_read)


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
