"""Work on shards that other processes can find by its name."""

import os
import signal
import time
from pathlib import Path

from scenes.common.errors import InputError
from scenes.executors.shards import Shard


def shards(count, spec=None, size=1):
    return [Shard(f"shard {number}", (), spec, size, f"image {number}") for number in range(count)]


def number_of(shard):
    return int(shard.name.split()[1])


def number(state, shard, inputs):
    return number_of(shard)


def process(state, shard, inputs):
    """Return the process, the number and the state, as soon as two processes are at work."""
    (Path(shard.spec) / str(os.getpid())).touch()
    while len([*Path(shard.spec).iterdir()]) < 2:
        time.sleep(0.01)
    time.sleep(0.05 * (number_of(shard) == 0))  # the first ends last
    return os.getpid(), number_of(shard), state


def load_process():
    return os.getpid(), time.monotonic()


def note(state, shard, inputs):
    """Note in a folder that the shard is computed."""
    (Path(shard.spec) / shard.name).touch()
    return shard.name.encode()


def slow_note(state, shard, inputs):
    """Note in a folder that the shard is computed, with a file for each time, named after it and the process.

    It takes a while, and the first ones until two processes are at work.
    """
    (Path(shard.spec) / f"{number_of(shard)} {os.getpid()} {time.monotonic_ns()}").touch()
    while len({path.name.split()[1] for path in Path(shard.spec).iterdir()}) < 2:
        time.sleep(0.01)
    time.sleep(0.1)
    return shard.name.encode()


def read(state, shard, inputs):
    """Return the inputs, and the texts in the folders of the job."""
    return inputs, state


def load_texts(*folders):
    return [{path.name: path.read_text() for path in folder.iterdir()} for folder in folders]


def refuse(state, shard, inputs):
    raise InputError("a.jpg is a web page; replace it")


def fail(state, shard, inputs):
    raise ZeroDivisionError("by nothing")


def use_up_memory(state, shard, inputs):
    raise MemoryError


def die(state, shard, inputs):
    os.kill(os.getpid(), signal.SIGKILL)


def refuse_to_load():
    raise InputError("model.keras is damaged")
