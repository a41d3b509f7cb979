"""The state of a training after an epoch: everything needed to resume as if nothing had happened."""

import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scenes.common.errors import InputError, explained
from scenes.common.files import temporary_path


@dataclass
class Checkpoint:
    """State after an epoch.

    Attributes:
        epoch: number of completed epochs.
        stopped: early stopping has ended the training.
        history: values after each completed epoch, by metric name.
        arrays: lists of arrays by name: ``model`` (weights and the states of random layers), ``optimizer`` (moments,
            step count, loss scale) and ``best`` (weights of the best epoch, or empty).
        stopping: counters of early stopping.
    """

    epoch: int
    stopped: bool
    history: dict[str, list[float]]
    arrays: dict[str, list[np.ndarray]]
    stopping: dict[str, Any]


def save(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint`` whole or not at all; once written it survives a power failure.

    Raises:
        InputError: the disk is full, or may not be written.
    """
    path = Path(path)
    temporary = temporary_path(path)
    facts = {
        "epoch": checkpoint.epoch,
        "stopped": checkpoint.stopped,
        "history": checkpoint.history,
        "stopping": checkpoint.stopping,
        "lengths": {name: len(values) for name, values in checkpoint.arrays.items()},
    }
    members: dict[str, Any] = {
        f"{name}/{index}": value for name, values in checkpoint.arrays.items() for index, value in enumerate(values)
    }
    try:
        with explained(path), temporary.open("wb") as file:
            np.savez(file, facts=np.array(json.dumps(facts)), **members)
            file.flush()
            os.fsync(file.fileno())
    except InputError:
        temporary.unlink(missing_ok=True)  # it would keep a full disk full
        raise
    temporary.replace(path)


def load(source: str | Path | bytes) -> Checkpoint | None:
    """Return what :func:`save` wrote; None if the file is missing or damaged.

    Args:
        source: the path of the file, or its content.

    Raises:
        InputError: the system failed, e.g. memory ran out; the file may be sound.
    """
    try:
        return _load(source)
    except InputError:
        raise
    except Exception:  # a damaged zip raises nearly anything, NotImplementedError included
        return None


def _load(source: str | Path | bytes) -> Checkpoint | None:
    with explained():
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with zipfile.ZipFile(file) as archive:
            # np.load reads only as many bytes as the array header declares, so a truncated member can slip past the
            # CRC; run testzip first.
            if archive.testzip():
                return None
        if isinstance(file, io.BytesIO):
            file.seek(0)
        with np.load(file, allow_pickle=False) as members:
            facts = json.loads(str(members["facts"]))
            arrays = {
                name: [members[f"{name}/{index}"] for index in range(length)]
                for name, length in facts.pop("lengths").items()
            }
    return Checkpoint(arrays=arrays, **facts)
