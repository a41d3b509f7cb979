"""What decoding finds in each image of an archive: a file per archive, so that one more archive costs its own alone."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scenes.archive.packed import DamagedMember, Packed, unpack
from scenes.common.archives import archive_hashes, as_list
from scenes.common.suffixes import suffix
from scenes.duplicates.near_duplicate_candidates import VIEWS
from scenes.duplicates.near_duplicates import ADVICE
from scenes.duplicates.perceptual_hash import THUMBNAIL_SIDE, fingerprint
from scenes.executors import executor, reuse
from scenes.executors.shards import Job, Shard, first_and_last
from scenes.images import decode
from scenes.images.formats import format_not_read
from scenes.layout.layout import Archive, Member

# A row of a file. Texts are ASCII; the hashes and the thumbnail are those of a `Fingerprint`.
FOUND = np.dtype(
    [
        ("width", "<i8"),
        ("height", "<i8"),
        ("mode", "S16"),
        ("problem", "S16"),
        ("not_read", "S16"),
        ("sha256", "S64"),
        ("pixel_sha256", "S64"),
        ("structured", "?"),  # whether it has a fingerprint
        ("hashes", "<u8", len(VIEWS)),
        ("thumbnail", "u1", (THUMBNAIL_SIDE, THUMBNAIL_SIDE)),
    ]
)

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


class Inspected(NamedTuple):
    """One image: a row of :data:`FOUND`, see ``scenes.audit.audit_table`` and ``scenes.images.formats``."""

    width: int = 0
    height: int = 0
    mode: str = ""
    problem: str = ""
    not_read: str = ""
    sha256: str = ""
    pixel_sha256: str = ""
    structured: bool = False
    hashes: np.ndarray = np.zeros(len(VIEWS), np.uint64)
    thumbnail: np.ndarray = np.zeros((THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8)


def file_keys(archive: Archive, facts: Iterable[object]) -> dict[str, str]:
    """Return the key of each file by its name, see ``scenes.executors.reuse``.

    Args:
        archive: an open archive.
        facts: what else determines the files: the digest of the code, and ``max_pixels``.
    """
    hashes = as_list(archive_hashes(archive.path))
    parts = zip(_names(archive), hashes, _by_archive(archive), strict=True)
    return {name: reuse.key(*facts, sha256, [member.path for member in members]) for name, sha256, members in parts}


def inspect_all(
    archive: Archive, folder: Path, *, max_pixels: int, run: executor.Run = executor.run, processes: int | None = None
) -> np.ndarray:
    """Decode the members of the archives whose files are missing in ``folder``, and write these.

    Args:
        archive: an open archive.
        folder: for the files; it exists.
        max_pixels: a larger image gets a row but is not decoded.
        run, processes: see :func:`scenes.audit.audit.audit`.

    Returns:
        FOUND, (members,): a row for each member, in their order.

    Raises:
        InputError: a member is larger than the archive states, or a process was killed.
    """
    missing: dict[Path, int] = {}  # the number of shards of each file
    shards: list[Shard] = []
    for name, members in zip(_names(archive), _by_archive(archive), strict=True):
        if not (folder / name).exists():
            parts = [members[start : start + _SHARD] for start in range(0, len(members), _SHARD)]
            missing[folder / name] = len(parts)
            shards += [_shard(f"{len(shards) + n}", archive, part, max_pixels) for n, part in enumerate(parts, 1)]
    job = Job("audit", _inspect_shard, processes=processes, advice=ADVICE)
    results = run(job, shards)
    for path, count in missing.items():
        np.save(path, np.frombuffer(b"".join(islice(results, count)), FOUND))
    return np.concatenate([np.load(folder / name) for name in _names(archive)])


def inspect(path: str, data: bytes, *, max_pixels: int) -> Inspected:
    """Decode the bytes of the member ``path``."""
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        image = decode.decode(data, max_pixels=max_pixels)
    except decode.ImageProblem as error:
        unknown = error.reason == decode.NOT_AN_IMAGE
        problem = "web_page" if unknown and decode.is_web_page(data) else error.reason
        not_read = format_not_read(data) if unknown else ""
        return Inspected(error.width, error.height, error.mode, problem, not_read, sha256)
    height, width, _ = image.pixels.shape
    problem = ""
    if image.damaged:
        problem = "damaged"
    elif image.format not in _FORMATS_OF_SUFFIX.get(suffix(path), (image.format,)):
        problem = "wrong_format"
    elif image.mode != "RGB":
        problem = "odd_mode"
    row = Inspected(width, height, image.mode, problem, "", sha256, pixel_hash(image.pixels))
    found = fingerprint(image.pixels)
    return row._replace(structured=True, **found._asdict()) if found else row


def pixel_hash(pixels: np.ndarray) -> str:
    """Return the sha256 of the shape and the pixels of an image, uint8 (height, width, 3), in hex digits."""
    height, width, _ = pixels.shape
    digest = hashlib.sha256(f"{height}x{width}x3:".encode())
    digest.update(np.ascontiguousarray(pixels).reshape(-1).data)
    return digest.hexdigest()


def _names(archive: Archive) -> list[str]:
    return [path.with_suffix(".npy").name for path in archive.archives]


def _by_archive(archive: Archive) -> list[list[Member]]:
    parts: list[list[Member]] = [[] for _ in archive.archives]
    for member in archive.members:
        parts[member.archive - 1].append(member)
    return parts


class _Spec(NamedTuple):
    """What a shard is to do with its bytes."""

    paths: tuple[str, ...]
    packed: tuple[Packed, ...]
    max_pixels: int


def _shard(name: str, archive: Archive, members: Sequence[Member], max_pixels: int) -> Shard:
    paths = tuple(member.path for member in members)
    ranges, packed = zip(*map(archive.locate, paths), strict=True)
    return Shard(name, ranges, _Spec(paths, packed, max_pixels), len(paths), first_and_last(paths))


def _inspect_shard(_: None, shard: Shard, parts: Sequence[bytes]) -> bytes:
    """Return the bytes of an array of FOUND, a row for each member."""
    spec: _Spec = shard.spec
    inspected = []
    for path, packed, part in zip(spec.paths, spec.packed, parts, strict=True):
        try:
            data = unpack(part, packed)
        except DamagedMember:
            inspected.append(Inspected(problem=decode.CORRUPT))
        else:
            inspected.append(inspect(path, data, max_pixels=spec.max_pixels))
    return np.array(inspected, FOUND).tobytes()
