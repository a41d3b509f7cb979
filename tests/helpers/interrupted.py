"""Trainings that SIGKILL themselves where they are told to: ``python -m tests.helpers.interrupted <folder> <case>...``.

TensorFlow is imported once; each training is then a forked process of its own, which dies for real. A fork is sound
as long as TensorFlow has run nothing, hence no threads of it.
"""

import hashlib
import json
import os
import signal
import sys
from pathlib import Path

NEVER = {"monitor": "val_crossentropy", "min_delta": 0.0, "patience": None, "restore_best": True}
# No gain is ever as large, so it stops after the fourth epoch, and the best one is the first.
AFTER_FOUR = {"monitor": "val_crossentropy", "min_delta": 100.0, "patience": 3, "restore_best": True}
COMMON = {
    "epochs": 6,
    "batch_size": 8,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "schedule": "cosine",
    "warmup_epochs": 1.5,
    "label_smoothing": 0.1,
    "class_weight": "none",
    "early_stopping": NEVER,
}

# Where a training kills itself: within an epoch (counted from 0) after some of its steps; when its line has been
# printed and before its state is written; when that is written but not in place; when it is in place; and when
# the training is over but not yet saved.
BATCH, LINE, RENAME, SAVED, END = "batch", "line", "rename", "saved", "end"

# Per case: what it trains, its settings, its kills in their order, and the epoch after which each next process goes on.
CASES = {
    "dense that stops early and restores the best": (
        "dense",
        {"early_stopping": AFTER_FOUR},
        [(BATCH, 0, 2), (BATCH, 2, 1), (LINE, 2), (RENAME, 3), (END,), (END,)],
        [None, 2, 2, 3, 4, 4],
    ),
    "dense with sgd that stops early and keeps the last": (
        "dense",
        {
            "optimizer": "sgd",
            "weight_decay": None,
            "schedule": "constant",
            "early_stopping": AFTER_FOUR | {"restore_best": False},
        },
        [(SAVED, 1), (BATCH, 3, 5), (SAVED, 3)],
        [2, 3, 4],
    ),
    "dense in float16, gradients of four batches a step": (
        # Six batches an epoch: each second epoch begins with gradients accumulated in the one before.
        "dense",
        {"precision": "mixed_float16", "gradient_accumulation": 4, "optimizer": "adam"},
        [(SAVED, 0), (BATCH, 3, 3), (END,)],
        [1, 3, 6],
    ),
    "cnn": (
        "cnn",
        {"epochs": 4, "early_stopping": NEVER | {"monitor": "val_accuracy"}},
        [(BATCH, 0, 1), (SAVED, 0), (BATCH, 2, 4), (END,)],
        [None, 1, 2, 4],
    ),
    "cnn with sgd from streamed records": (
        "cnn",
        {
            "epochs": 4,
            "optimizer": "sgd",
            "gradient_accumulation": 4,
            "cache_mb": 0.05,
            "early_stopping": NEVER | {"restore_best": False},
        },
        [(LINE, 1), (BATCH, 2, 2)],
        [1, 2],
    ),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(kill: tuple | None) -> None:
    """Make this process kill itself at ``kill``, see ``BATCH`` and so on; an epoch's place is fixed, not a time."""
    import keras

    from scenes.training import fit as training_fit

    if kill is None or kill[0] == END:
        return
    kind, epoch = kill[:2]

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (kind, (self.epoch, batch + 1)) == (BATCH, kill[1:]):
                die()

    fit, save, replace = keras.Model.fit, training_fit.checkpoint.save, Path.replace

    def saving(path, state):
        if kind == LINE and state.epoch == epoch + 1:
            die()
        if kind == RENAME and state.epoch == epoch + 1:
            Path.replace = lambda *_: die()
        save(path, state)
        Path.replace = replace
        if kind == SAVED and state.epoch == epoch + 1:
            die()

    training_fit.checkpoint.save = saving
    keras.Model.fit = lambda *args, callbacks, **named: fit(*args, callbacks=[*callbacks, Kill()], **named)


def data(kind: str, cache_mb: float, epochs: int, batch_size: int):
    """Return the network, and its batches for training and validation."""
    from scenes.dataset import records
    from scenes.models import cnn
    from scenes.training import batches as training_batches
    from tests.helpers import small_training

    common = {"epochs": epochs, "batch_size": batch_size, "seed": 3}
    if kind == "dense":
        train, val = (small_training.features(count, seed, spread=4.0) for seed, count in enumerate((41, 60)))
        return (
            small_training.network(dropout=0.3),
            lambda start: training_batches.training_features(train, start=start, **common),
            training_batches.validation_features(val),
        )
    train, val = (records.open_records("../records", name) for name in ("train", "val"))
    network = cnn.build(train.image_shape, 2, filters=[4, 8], dropout=0.3)
    augmented = {"cache_mb": cache_mb, "augmentation": {"flip": True, "min_area": 0.5, "colour": 0.2}}
    return (
        network,
        lambda start: training_batches.training_images(train, start=start, **augmented, **common),
        training_batches.validation_images(val, 8),
    )


def train(case: str, kill: tuple | None, *, resume: bool = True) -> None:
    """Train in the working folder and write, as a stage does, weights and history, and a hash of all state left."""
    import keras

    from scenes.process.runtime import configure, set_precision
    from scenes.training import fit as training_fit
    from scenes.training.run import resumable

    kind, changes, _, _ = CASES[case]
    settings = COMMON | {"precision": "float32", "cache_mb": 100} | changes
    configure(seed=3, threads=1)
    set_precision(settings.pop("precision"))
    # So that the scale of the loss changes within the few steps there are.
    loss_scale = keras.optimizers.LossScaleOptimizer
    loss_scale.__init__.__defaults__ = (2.0**10, 5, None)
    arm(kill)
    network, batches, validation = data(kind, settings.pop("cache_mb"), settings["epochs"], settings["batch_size"])

    def finish(state):
        history = training_fit.run(network, batches, validation, per_class=[21, 20], state=state, **settings)
        if kill == (END,):
            die()
        network.save_weights("model.weights.h5")
        left = hashlib.sha256(repr([v.numpy().tobytes() for v in everything(network)]).encode()).hexdigest()
        scale = getattr(network.optimizer, "dynamic_scale", None)
        result = {"history": history, "left": left, "scale": None if scale is None else float(scale.numpy())}
        Path("result.json").write_text(json.dumps(result, sort_keys=True))

    if not resume:
        return finish(None)
    with resumable("tiny", inputs=["../records"] if kind == "cnn" else [], settings=settings, code="") as state:
        finish(state)


def everything(network) -> list:
    return [*network.variables, *network.optimizer.variables]


def forked(folder: Path, log: Path, case: str, kill: tuple | None, **options) -> int:
    """Train in a process of its own and return its status as ``os.waitstatus_to_exitcode`` gives it."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = 1
    try:
        os.chdir(folder)
        output = os.open(log, os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        train(case, kill, **options)
        status = 0
    except BaseException:  # whatever it is, this copy of the process ends here
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main(root: Path, cases: list[str]) -> None:
    import keras  # noqa: F401
    import tensorflow as tf
    from tensorflow.python.eager import context

    assert tf and not context.context()._initialized
    for case in cases:
        whole, killed = root / case / "whole", root / case / "killed"
        for folder in (whole, killed):
            folder.mkdir(parents=True)
            (folder.parent / "records").exists() or (folder.parent / "records").symlink_to(root / "records")
        statuses = [forked(whole, whole / "0.log", case, None, resume=False)]
        for number, kill in enumerate([*CASES[case][2], None]):
            statuses.append(forked(killed, killed / f"{number}.log", case, kill))
        (root / case / "statuses.json").write_text(json.dumps(statuses))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
