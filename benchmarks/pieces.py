"""The parts of the pipeline that look at all images at once, on made-up inputs: ``python -m benchmarks.pieces``.

    python -m benchmarks.pieces near_duplicates 1000000

prints the CPU seconds of the part, the peak memory of the process in MB, with the inputs, and how much the part wrote
or read; for the near duplicates, how many pairs of pictures would be compared.
"""

import argparse
import hashlib
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from scenes.commands.argument_types import whole_number
from scenes.common.errors import exit_on_input_error

CLASSES = [f"class {number:04d}" for number in range(1000)]
LEAVES = 30
SIDE = 16
BLOCK = 1000  # made-up pictures at a time: they fit a processor's cache
ROWS = 1000  # of a file of features
WIDTH = 1568  # of EfficientNet-Lite0's features

Part = Callable[[], str]  # what is measured; it returns how much it wrote, read or found


def near_duplicates(count: int) -> Part:
    """Search for candidates among made-up pictures, all different."""
    from scenes.config.params import read
    from scenes.duplicates import near_duplicate_candidates as candidates

    distance = read().audit.near_duplicate_distance
    hashes, thumbnails = fingerprints(count, np.random.default_rng(0))
    return lambda: f"{len(candidates.find(hashes, thumbnails, distance).first):,} pairs"


def fingerprints(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return hashes and thumbnails of random rectangles that cover each other, from small to large ("dead leaves").

    The hashes of two of them differ in few bits about as often as those of two photos do: of the pairs of 12,600 photos
    of scenes, copies left out, 7 in a million differ in at most 12 bits, and of the pairs of as many of these 6. That
    decides how many false candidates there are among millions.
    """
    from scenes.duplicates.near_duplicate_candidates import VIEWS
    from scenes.duplicates.perceptual_hash import area_weights

    frequency, position = np.arange(8)[:, None], np.arange(32)[None, :]
    cosines = np.cos(np.pi * frequency * (2 * position + 1) / 64)
    hashes, thumbnails = np.empty((count, len(VIEWS)), np.uint64), np.empty((count, SIDE, SIDE), np.uint8)
    for start in range(0, count, BLOCK):
        pictures = dead_leaves(min(BLOCK, count - start), rng)
        thumbnails[start : start + BLOCK] = pictures
        for number, ((left, top, right, bottom), mirrored) in enumerate(VIEWS):
            rows, columns = (cosines @ area_weights(*edges, SIDE, 32) for edges in ((top, bottom), (left, right)))
            seen = pictures[..., ::-1] if mirrored else pictures
            values = (rows.astype(np.float32) @ seen @ columns.astype(np.float32).T).reshape(-1, 64)
            above = values > np.partition(values, 31, axis=1)[:, [31]]  # half of them, as in a pHash
            hashes[start : start + BLOCK, number] = np.packbits(above, axis=1).view(">u8")[:, 0]
    return hashes, thumbnails


def dead_leaves(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return made-up pictures, float32 (count, 16, 16): the size of a rectangle has a density of its inverse cube."""
    middle = np.arange(SIDE, dtype=np.float32) + 0.5
    pictures = np.broadcast_to(rng.uniform(0, 255, (count, 1, 1)), (count, SIDE, SIDE)).astype(np.float32)
    for _ in range(LEAVES):
        size = (1 - rng.uniform(size=count) * (1 - SIDE**-2)) ** -0.5  # 1 to 16 cells
        inside = []
        for _ in range(2):
            place = rng.uniform(-SIDE / 4, SIDE * 5 / 4, count)
            reach = size * np.exp(rng.normal(0.15, 0.7, count))
            inside.append(np.abs(middle - place[:, None]) < reach[:, None])
        grey = rng.uniform(0, 255, (count, 1, 1)).astype(np.float32)
        np.copyto(pictures, grey, where=inside[0][:, :, None] & inside[1][:, None, :])
    return np.clip(pictures + 2 * rng.standard_normal(pictures.shape, np.float32), 0, 255)


def audit_table(count: int) -> Part:
    """Write the table of an audit, read it, and count: the duplicates, and the classes of each split."""
    from scenes.audit import audit_table as tables
    from scenes.duplicates.duplicate_groups import groups

    table = made_up_table(count)
    archive = SimpleNamespace(classes=CLASSES, litter=0, outside=0, skipped={}, case_collisions=0)

    def part() -> str:
        columns = (table[name].tolist() for name in ("sha256", "pixel_sha256", "path"))
        table["group"] = groups(*columns, [])
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            tables.write(table, file.name)
            tables.summary(tables.read(file.name), archive)
            return _megabytes(Path(file.name).stat().st_size)

    return part


def split(count: int) -> Part:
    """Divide the images, of which none is in the test set of the archive."""
    from scenes.config.params import read, to_dict
    from scenes.dataset import split as splits

    params, table = read(), made_up_table(count)
    table["group"] = table["sha256"].str.slice(0, 16)

    def part() -> str:
        result = splits.split(table, seed=params.seed, **to_dict(params.split))
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            splits.write(result.table, file.name)
            return _megabytes(Path(file.name).stat().st_size)

    return part


def made_up_table(count: int):
    """Return the table of an audit without groups; one image in fifty is there twice, under one label."""
    import pandas as pd

    contents = [number - 1000 if number % 50 == 1 and number >= 1000 else number for number in range(count)]
    hashes = [hashlib.sha256(str(each).encode()).hexdigest() for each in contents]
    return pd.DataFrame(
        {
            "path": [f"train/{CLASSES[number % 1000]}/{number:09d}.jpg" for number in range(count)],
            "split": "train",
            "label": [CLASSES[number % 1000] for number in range(count)],
            "subject": "",
            "archive": 1,
            "bytes": 15_000,
            "width": 150,
            "height": 150,
            "mode": "RGB",
            "sha256": hashes,
            "pixel_sha256": hashes,
            "phash": [each[:16] for each in hashes],
            "problem": "",
        }
    )


def features(count: int) -> Part:
    """Check the features of a training set, draw the sample that classifiers are fitted to, and read all once.

    All their files are one file under many names, so this measures no disk.
    """
    from scenes.backbones import features as stored
    from scenes.common.tables import write_json

    rng, folder = np.random.default_rng(0), tempfile.TemporaryDirectory()
    keys = np.array([f"train/{number:09d}.jpg".encode() for number in range(ROWS)])
    labels = np.arange(ROWS) % len(CLASSES)
    names = [f"train-{number:05d}.npy" for number in range(-(-count // ROWS))]
    first, *others = (Path(folder.name, name) for name in names)
    first.write_bytes(stored.pack(keys, labels, rng.normal(size=(ROWS, WIDTH)).astype(np.float32)))
    for other in others:
        other.hardlink_to(first)
    entry = {"count": len(names) * ROWS, "shards": names}
    write_json(Path(folder.name, "index.json"), {"classes": CLASSES, "splits": {"train": entry}})

    def part() -> str:
        with folder:
            train = stored.load_features(folder.name, "train")
            train.sample()
            return _megabytes(sum(block.nbytes for block in stored.blocks(train.features)))

    return part


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


PIECES = {each.__name__: each for each in (near_duplicates, audit_table, split, features)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piece", choices=PIECES)
    parser.add_argument("rows", type=whole_number(1), help="images")
    options = parser.parse_args()
    part = PIECES[options.piece](options.rows)
    start = time.process_time()
    output = part()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(f"{seconds:.1f} {peak:.0f} {output}")


if __name__ == "__main__":
    with exit_on_input_error():
        main()
