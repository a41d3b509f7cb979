"""What goes wrong, and when: drawn at random before the first fault, so that a seed gives the same faults again."""

import bisect
import json
import random
import shutil
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from scenes.provenance import dvc_lock

KILLS = ("kill dvc", "kill stage", "kill both", "kill group")
DISK_FULL = "disk full"
DAMAGES = ("bit flipped", "cut", "emptied")
UP_TO_DATE = "(all up to date)"  # instead of a stage: a kill while DVC finds nothing to do


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        kind: one of those above.
        stage: the one that is killed, that finds the disk full, or whose output is damaged.
        place: a share of 1: of the stage's usual time, of the room that it needs, or of the bytes of the file.
        file: for a damage, the damaged file as a share of the stage's files, in order.
    """

    kind: str
    stage: str
    place: float
    file: float = 0.0


def draw(seed: int, stages: list[str], kills: int, full: int, damages: int) -> list[Fault]:
    """Return the faults in a random order; each kind of kill and of damage has its turn."""
    source = random.Random(seed)
    kinds = [KILLS[number % len(KILLS)] for number in range(kills)]
    kinds += [DISK_FULL] * full
    kinds += [DAMAGES[number % len(DAMAGES)] for number in range(damages)]
    source.shuffle(kinds)
    faults = []
    for kind in kinds:
        choices = [*stages, UP_TO_DATE] if kind == "kill dvc" else stages
        faults.append(Fault(kind, source.choice(choices), source.random(), source.random()))
    return faults


def usual_seconds(folder: Path, stages: Mapping[str, Mapping]) -> dict[str, float]:
    """Return how long each stage took, from when DVC noted its result: it ran them one after the other.

    A stage whose time is not known, the first one and those that the run cache leaves out, gets the median.
    """
    ends = {run_cache_entry(folder, stage): name for name, stage in stages.items()}
    times = sorted(path.stat().st_mtime for path in ends if path)
    seconds = {}
    for path, name in ends.items():
        before = bisect.bisect_left(times, path.stat().st_mtime) if path else 0
        if before:
            seconds[name] = path.stat().st_mtime - times[before - 1]
    median = statistics.median(seconds.values())
    return {name: seconds.get(name, median) for name in stages}


def run_cache_entry(folder: Path, stage: Mapping) -> Path | None:
    """Return the file in the run cache that holds the result of a stage of dvc.lock."""
    for path in folder.glob(".dvc/cache/runs/*/*/*"):
        if yaml.load(path.read_text(), yaml.CSafeLoader)["cmd"] == stage["cmd"]:
            return path
    return None


def unmake(folder: Path, name: str) -> None:
    """Take a pipeline back to before a stage's first run: neither outputs, dvc.lock nor the cache have its result."""
    content = yaml.load((folder / "dvc.lock").read_text(), yaml.CSafeLoader)
    stages = content["stages"]
    if entry := run_cache_entry(folder, stages[name]):
        shutil.rmtree(entry.parent)  # an empty folder would stop DVC
    own = _objects(folder, [stages[name]])
    stage = stages.pop(name)
    for path in own - _objects(folder, stages.values()):
        path.unlink(missing_ok=True)  # an output that is not cached has none
    for out in dvc_lock.files(stage, "outs"):
        shutil.rmtree(folder / out) if (folder / out).is_dir() else (folder / out).unlink(missing_ok=True)
    (folder / "dvc.lock").write_text(yaml.safe_dump(content, sort_keys=False))


def _objects(folder: Path, stages: Iterable[Mapping]) -> set[Path]:
    """Return the files in DVC's cache that hold the outputs of stages of dvc.lock."""
    cache = folder / ".dvc/cache/files/md5"
    hashes = {out["md5"] for stage in stages for out in dvc_lock.files(stage, "outs").values()}
    for name in [each for each in hashes if each.endswith(".dir")]:
        if (listing := cache / name[:2] / name[2:]).exists():
            hashes |= {entry["md5"] for entry in json.loads(listing.read_text())}
    return {cache / name[:2] / name[2:] for name in hashes}


def damage(folder: Path, stage: Mapping, fault: Fault) -> Path:
    """Damage one file among the outputs of ``stage``, and return it."""
    files = [file for out in dvc_lock.files(stage, "outs") for file in files_of(folder / out) if file.stat().st_size]
    path = files[int(fault.file * len(files))]
    content = bytearray(path.read_bytes())
    if fault.kind == "bit flipped":
        bit = int(fault.place * 8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
    else:
        del content[int(fault.place * len(content)) if fault.kind == "cut" else 0 :]
    path.write_bytes(content)
    return path


def reads(stage: Mapping, path: Path) -> bool:
    """Return whether a stage of dvc.lock depends on a file."""
    return any(dvc_lock.overlap(str(path), dep) for dep in dvc_lock.files(stage, "deps"))


def command(stage: Mapping) -> str:
    """Return the command of a stage of dvc.lock, as a shell reads it."""
    return stage["cmd"] if isinstance(stage["cmd"], str) else " && ".join(stage["cmd"])


def files_of(out: Path) -> list[Path]:
    """Return the files of an output, which is a file or a folder."""
    return [out] if out.is_file() else sorted(path for path in out.rglob("*") if path.is_file())
