"""Save states one after another until somebody kills the process: ``python -m tests.helpers.saving FILE``."""

import itertools
import sys

import numpy as np

from scenes.training import checkpoint
from scenes.training.checkpoint import Checkpoint


def state(number: int, size: int = 10) -> Checkpoint:
    """A state that shows whether all of it is of the same ``number``."""
    values = [np.full((size, 3), number, np.float32), np.array(number), np.zeros((0, 2), np.float16)]
    return Checkpoint(
        epoch=number,
        stopped=False,
        history={"loss": [number / 3] * number},
        arrays={"model": values, "optimizer": values[:2], "best": []},
        stopping={"best": number / 7, "wait": number},
    )


def main(path: str) -> None:
    """Report each state that is saved, by its number."""
    print("ready", flush=True)
    for number in itertools.count(1):
        checkpoint.save(path, state(number % 50, 20_000))
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
