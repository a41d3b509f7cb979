"""Train a small CNN as its stage does, in real processes on simulated devices: ``python -m tests.helpers... FOLDER``.

Keras is imported once, under JAX; each process of a training is then forked. A fork is sound as long as JAX and
TensorFlow have run nothing. FOLDER holds records; each training writes to a folder of its own there.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf  # noqa: F401  # imported before the forks

from scenes.dataset import records
from scenes.models import store, temperature
from scenes.training import cnn, devices
from scenes.training.run import training_run
from tests.helpers import small_training

# Of 41 images in batches of 16, 9 are left for the last batch, which neither 3 nor 4 devices can share evenly.
TRAINING = small_training.TRAINING | {"epochs": 3, "class_weight": "balanced"}
SETTINGS = {
    "network": {"filters": [4], "dropout": 0.3},
    "augmentation": {"min_area": 0.5, "colour": 0.2},
    "cache_mb": 0.05,  # streamed
    "training": TRAINING,
}
TEMPERATURE = 2.0
LIMIT = 200  # seconds for a training


def by_keras(processes: int) -> list[dict[str, str]]:
    """Return the variables of each process as ``keras.distribution.initialize`` names them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    names = [f"KERAS_DISTRIBUTION_{name}" for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")]
    return [dict(zip(names, [address, str(processes), str(number)], strict=True)) for number in range(processes)]


def by_slurm(processes: int) -> list[dict[str, str]]:
    """Return the variables that ``srun`` would set for each process; JAX takes the port from the job's number."""
    first = 65535 - 2**12 + 1
    for port in range(first, 65536):
        with socket.socket() as server:
            if server.connect_ex(("127.0.0.1", port)):
                break
    return [
        {
            "SLURM_JOB_ID": str(port - first),
            "SLURM_STEP_NODELIST": "localhost",
            "SLURM_STEP_NUM_TASKS": str(processes),
            "SLURM_NTASKS": str(processes),
            "SLURM_PROCID": str(number),
            "SLURM_LOCALID": "0",
        }
        for number in range(processes)
    ]


class KillSecond(keras.callbacks.Callback):
    """Kills process 1 within the third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch, devices.current().process) == (2, 1, 1):
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder: Path, kill: bool) -> None:
    """Train in the working folder and write what this process ends with to a file of its number."""
    if kill:
        fit = keras.Model.fit
        keras.Model.fit = lambda *args, callbacks, **named: fit(*args, callbacks=[*callbacks, KillSecond()], **named)
    runtime = {"seed": 3, "threads": 1, "precision": "float32", "xla": False, "backend": "jax"}
    with training_run("small", inputs=[folder], settings=SETTINGS, code="", **runtime) as state:
        train, val = (records.open_records(folder, split) for split in ("train", "val"))
        validation = devices.validation_images(val, 8)
        options = {"flip": True, "seed": 3, "state": state, "devices": devices.current()}
        network, history = cnn.fit_cnn(train, validation, SETTINGS, **options)
        labels, probabilities = temperature.predict(network, validation)
        weights = {f"weight {index}": value for index, value in enumerate(network.get_weights())}
        number = devices.current().process
        np.savez(f"{number}.npz", labels=labels, probabilities=probabilities, history=json.dumps(history), **weights)
        if number == 0:
            Path("model").mkdir()
            description = {"kind": "cnn", "input": "records", "network": SETTINGS["network"]}
            description |= {"image_shape": train.image_shape, "classes": train.classes, "temperature": TEMPERATURE}
            store.save_network("model", network, description)


def main(folder: Path) -> None:
    """Run each training after the other. A forked process returns from here, too, and ends as any process ends."""
    trainings = {
        "one": [{}],
        "three devices": [{"XLA_FLAGS": "--xla_force_host_platform_device_count=3"}],
        "four processes": by_keras(4),
        "killed": by_slurm(2),
        "resumed": by_keras(2),
    }
    statuses = {}
    for name, processes in trainings.items():
        place = folder.parent / ("killed" if name == "resumed" else name)
        place.mkdir(exist_ok=True)
        pids = []
        for number, variables in enumerate(processes):
            if not (pid := os.fork()):
                signal.alarm(LIMIT)
                os.environ |= variables
                os.chdir(place)
                log = os.open(f"{name} {number}.log", os.O_WRONLY | os.O_CREAT)
                os.dup2(log, 1)
                os.dup2(log, 2)
                return train(folder, kill=name == "killed")
            pids.append(pid)
        statuses[name] = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    (folder.parent / "statuses.json").write_text(json.dumps(statuses))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
