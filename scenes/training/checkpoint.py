"""The state of a training after an epoch: what it takes to go on as if nothing had happened."""

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Checkpoint:
    """State after an epoch.

    Attributes:
        epoch: number of epochs that are done.
        stopped: early stopping has ended the training.
        history: per metric name, its value after each epoch done.
        arrays: per name, a list of arrays: ``model`` (weights and the states of random layers), ``optimizer``
            (moments, step count, scale of the loss) and ``best`` (weights of the best epoch, or none).
        stopping: early stopping's counters.
    """

    epoch: int
    stopped: bool
    history: dict[str, list[float]]
    arrays: dict[str, list[np.ndarray]]
    stopping: dict


def save(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint``, whole or not at all, and so that it outlives a power cut."""
    path = Path(path)
    temporary = path.with_name(f".tmp-{path.name}")
    facts = {
        "epoch": checkpoint.epoch,
        "stopped": checkpoint.stopped,
        "history": checkpoint.history,
        "stopping": checkpoint.stopping,
        "lengths": {name: len(values) for name, values in checkpoint.arrays.items()},
    }
    named = {f"{name}/{i}": value for name, values in checkpoint.arrays.items() for i, value in enumerate(values)}
    with temporary.open("wb") as file:
        np.savez(file, facts=np.array(json.dumps(facts)), **named)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: str | Path) -> Checkpoint | None:
    """Return what :func:`save` wrote, or None if there is nothing or it is damaged (a zip checks what it holds)."""
    try:
        with zipfile.ZipFile(path) as whole:
            # NumPy reads as much of a member as its array's header says: of a damaged one less than the checksum is of.
            if whole.testzip():
                return None
        with np.load(path, allow_pickle=False) as file:
            facts = json.loads(str(file["facts"]))
            arrays = {
                name: [file[f"{name}/{index}"] for index in range(length)]
                for name, length in facts.pop("lengths").items()
            }
    except Exception:  # according to the place, a damaged zip raises nearly any, NotImplementedError among them
        return None
    return Checkpoint(arrays=arrays, **facts)
