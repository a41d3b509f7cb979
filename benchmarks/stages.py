"""Seconds and peak memory of each stage on a drawn folder of many classes: ``python benchmarks/stages.py 102``.

It clones the last commit, draws a folder of pictures, sets it up as ``make own`` does, and runs the stages one by one.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from dvc.repo import Repo
from PIL import Image, ImageDraw

from scenes.commands import verify

ROOT = Path(__file__).parents[1]
SIDES = 3, 4, 5, 6, 8, 32
SIZE = 160


def picture(number: int, classes: int, rng: np.random.Generator) -> bytes:
    """Return a JPEG of one class: a polygon of its colour and its number of sides, somewhere on a noisy ground."""
    ground = rng.integers(60, 196, (10, 10, 3), np.uint8)
    image = Image.fromarray(ground).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    hue = number // len(SIDES) * 255 * len(SIDES) // (classes + len(SIDES))
    colour = Image.new("HSV", (1, 1), (hue, int(rng.integers(160, 256)), int(rng.integers(160, 256)))).convert("RGB")
    radius = int(rng.integers(SIZE // 6, SIZE // 3))
    x, y = (int(rng.integers(radius, SIZE - radius)) for _ in range(2))
    sides, turn = SIDES[number % len(SIDES)], int(rng.integers(360))
    ImageDraw.Draw(image).regular_polygon((x, y, radius), sides, turn, fill=colour.getpixel((0, 0)))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def draw(folder: Path, classes: int, each: int) -> None:
    """Write ``each`` pictures of every class into ``folder``, one folder a class."""
    rng = np.random.default_rng(0)
    for number in range(classes):
        place = folder / f"class {number:04d}"
        place.mkdir(parents=True)
        for index in range(each):
            (place / f"{index}.jpg").write_bytes(picture(number, classes, rng))


def commands(checkout: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the commands of each stage, in the order of the graph."""
    import networkx

    with Repo(checkout) as repo:
        for stage in reversed(list(networkx.topological_sort(repo.index.graph))):
            yield stage.name, stage.cmd if isinstance(stage.cmd, list) else [stage.cmd]


def run(command: str, checkout: Path, log: io.IOBase) -> tuple[int, float, float]:
    """Run a command; return its exit status, its seconds, and the most memory of one of its processes in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, shell=True, cwd=checkout, env=verify.environment(), stdout=log, stderr=subprocess.STDOUT
    )
    _, status, usage = os.wait4(process.pid, 0)
    megabytes = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return os.waitstatus_to_exitcode(status), time.perf_counter() - start, megabytes


def main() -> int:
    """Print a row for each stage, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("classes", type=int, help="number of classes")
    parser.add_argument("--each", type=int, default=30, help="images of each class (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as parent:
        checkout = verify.clone(ROOT, Path(parent) / "clone")
        folder, log_file = Path(parent) / "pictures", Path(parent) / "log"
        draw(folder, options.classes, options.each)
        with log_file.open("wb") as log:
            run(f"python -m scenes own --no-run --no-finetune {folder}", checkout, log)
            print(f"{options.classes} classes of {options.each} images\n\n| stage | seconds | MB |\n|---|---|---|")
            for name, lines in commands(checkout):
                results = [run(line, checkout, log) for line in lines]
                print(f"| {name} | {sum(r[1] for r in results):.1f} | {max(r[2] for r in results):,.0f} |", flush=True)
                if any(result[0] for result in results):
                    print(log_file.read_text(encoding="utf-8", errors="replace")[-3000:], file=sys.stderr)
                    return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
