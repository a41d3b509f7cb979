"""CPU seconds, peak memory and bytes of each stage as the number of images grows.

    python -m benchmarks.scale --images 5000 20000     # every stage, on drawn pictures
    python -m benchmarks.scale --images 3060 --classes 102
    python -m benchmarks.scale --images 20000 --more 2000    # and then once more, with a second archive
    python -m benchmarks.scale --rows 1000000          # only the parts in benchmarks/pieces.py, on made-up inputs

For each number of images, it clones the last commit, draws a folder of pictures, sets it up as ``make own`` does but
with two epochs and small images, so that decoding, tables and files show, and runs the stages one by one. Memory is
that of the largest process of a stage. CPU seconds are of all its processes, so that a machine that does other things,
or has more cores, gives about the same.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import pieces
from scenes.commands import verify
from scenes.commands.argument_types import whole_number

ROOT = Path(__file__).parents[1]
SIDES = 3, 4, 5, 6, 8, 32
SIZE = 64
SETTINGS = ["profiles.own.cnn.epochs=2", f"profiles.own.features.frozen.image_size={SIZE}"]


class Cost(NamedTuple):
    """Of a stage or a piece: CPU seconds, memory in MB, and how much it wrote, read or found."""

    seconds: float
    memory: float
    output: str = ""


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


def draw(folder: Path, images: int, classes: int, seed: int = 0) -> None:
    """Write pictures into ``folder``, one folder a class."""
    rng = np.random.default_rng(seed)
    for index in range(images):
        place = folder / f"class {index % classes:04d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index}.jpg").write_bytes(picture(index % classes, classes, rng))


def stages(checkout: Path) -> Iterator[tuple[str, list[str], list[Path]]]:
    """Yield the name, the commands and the outputs of each stage, in the order of the graph."""
    import networkx
    from dvc.repo import Repo

    with Repo(checkout) as repo:
        for stage in reversed(list(networkx.topological_sort(repo.index.graph))):
            commands = stage.cmd if isinstance(stage.cmd, list) else [stage.cmd]
            yield stage.name, commands, [Path(out.fs_path) for out in stage.outs]


def run(command: str | Sequence[str], folder: Path, log: io.IOBase) -> Cost:
    """Run a command.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    process = subprocess.Popen(
        command,
        shell=isinstance(command, str),
        cwd=folder,
        env=verify.environment(),
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    megabytes = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return Cost(usage.ru_utime + usage.ru_stime, megabytes)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def measure_stages(images: int, classes: int, more: int = 0) -> dict[int, dict[str, Cost]]:
    """Return the cost of each stage, by the number of images.

    Args:
        more: images of a second archive, with which the stages run once more in the same clone; 0: there is none.
    """
    from dvc.utils.hydra import apply_overrides

    result = {}
    with tempfile.TemporaryDirectory() as parent, (Path(parent) / "log").open("w+b") as log:
        checkout, pictures = verify.clone(ROOT, Path(parent) / "clone"), Path(parent) / "pictures"
        archives = [pictures / "first", pictures / "second"] if more else [pictures / "first"]
        for archive, count in zip(archives, (images, more), strict=False):
            draw(archive, count, classes, seed=count)
        try:
            run(["python", "-m", "scenes", "own", "--no-run", "--no-finetune", str(archives[0])], checkout, log)
            apply_overrides(checkout / "params.yaml", [*SETTINGS, f"watch={pictures}"])
            (checkout / "dvc.lock").unlink()  # a stage refuses inputs that it does not name
            result[images] = run_stages(checkout, images, log)
            if more:
                source = ",".join(f"file:{archive}" for archive in archives)
                pins = [f"profiles.own.{name}=[null,null]" for name in ("archive_bytes", "archive_sha256")]
                apply_overrides(checkout / "params.yaml", [f"profiles.own.source=[{source}]", *pins])
                result[images + more] = run_stages(checkout, images + more, log)
        except subprocess.CalledProcessError:
            log.seek(0)
            raise SystemExit(log.read().decode(errors="replace")[-3000:]) from None
    return result


def run_stages(checkout: Path, images: int, log: io.IOBase) -> dict[str, Cost]:
    """Run the stages one by one and return the cost of each."""
    result = {}
    for name, commands, outputs in stages(checkout):
        costs = [run(command, checkout, log) for command in commands]
        seconds, memory = sum(cost.seconds for cost in costs), max(cost.memory for cost in costs)
        result[name] = Cost(seconds, memory, f"{sum(map(size_of, outputs)) / 1e6:,.1f} MB")
        print(f"{images:,} {name} {result[name]}", file=sys.stderr, flush=True)
    return result


def measure_pieces(rows: int) -> dict[str, Cost]:
    """Return the cost of each piece; that of making its inputs is in its memory alone."""
    result: dict[str, Cost] = {}
    for name in pieces.PIECES:
        command = [sys.executable, "-m", "benchmarks.pieces", name, str(rows)]
        done = subprocess.run(command, cwd=ROOT, env=verify.environment(), check=True, stdout=subprocess.PIPE)
        seconds, memory, output = done.stdout.decode().strip().split(maxsplit=2)
        result[name] = Cost(float(seconds), float(memory), output)
        print(f"{rows:,} {name} {result[name]}", file=sys.stderr, flush=True)
    return result


def table(measured: dict[int, dict[str, Cost]]) -> list[str]:
    """Return a row for each stage or piece that takes a second or more, as Markdown.

    The last columns compare the largest number of images with the smallest: how many times the CPU seconds grew, and
    the milliseconds of each further image.
    """
    first, last = min(measured), max(measured)
    heads = [f"{count:,}: CPU s | memory, MB | output" for count in measured]
    lines = [f"| | {' | '.join(heads)} | grew | ms an image |", f"|---|{'---|' * (3 * len(measured) + 2)}"]
    for name in measured[first]:
        costs = [costs[name] for costs in measured.values()]
        if max(cost.seconds for cost in costs) < 1:
            continue  # a set of features or a model that the profile does not use
        cells = [f"{cost.seconds:.1f} | {cost.memory:,.0f} | {cost.output}" for cost in costs]
        less, more = measured[first][name].seconds, measured[last][name].seconds
        each = max(1000 * (more - less) / max(last - first, 1), 0)
        lines.append(f"| {name} | {' | '.join(cells)} | {more / max(less, 0.1):.1f}x | {each:.2f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--images", type=whole_number(1), nargs="+", default=[], help="run the stages on so many pictures"
    )
    parser.add_argument("--classes", type=whole_number(2), default=6, help="of the pictures (default: %(default)s)")
    parser.add_argument(
        "--more", type=whole_number(0), default=0, help="then run them again with an archive of so many more"
    )
    parser.add_argument(
        "--rows", type=whole_number(1), nargs="+", default=[], help="run the pieces on so many made-up images"
    )
    options = parser.parse_args()
    if not options.images and not options.rows:
        parser.error("name a number of --images or of --rows")
    measured: dict[int, dict[str, Cost]] = {}
    for images in options.images:
        measured |= measure_stages(images, options.classes, options.more)
    for costs in (measured, {rows: measure_pieces(rows) for rows in options.rows}):
        if costs:
            print("\n".join(table(costs)))


if __name__ == "__main__":
    main()
