"""Fitting a Keras classifier: optimiser, schedule, early stopping, and resuming after a kill."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.common.errors import InputError
from scenes.dataset.batch_shares import ONE_DEVICE, BatchShares, Devices
from scenes.training import checkpoint
from scenes.training import devices as several_devices
from scenes.training.callbacks import early_stopping as stopping_callback
from scenes.training.callbacks import epoch_lines, validation_scores
from scenes.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

AfterEpoch = Callable[[dict[str, list[float]]], None]


def rate(schedule: str, *, peak: float, steps: int, warmup_steps: int) -> Any:
    """Return a constant rate, or a Keras schedule: linear from 0 to ``peak``, then a half cosine to 0.

    Args:
        schedule: ``constant`` or ``cosine``.
        peak: highest learning rate.
        steps: batches of the whole training. Keras' optimisers count batches for their schedules, even if they
            accumulate the gradients of several.
        warmup_steps: batches of the linear part (``cosine`` only).

    Source: Loshchilov & Hutter 2017 (https://arxiv.org/abs/1608.03983), warm-up as in Goyal et al. 2017
    (https://arxiv.org/abs/1706.02677).
    """
    import keras

    if schedule == "constant":
        return peak
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else peak,
        decay_steps=max(steps - warmup_steps, 1),
        warmup_target=peak if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def class_weights(class_weight: str, per_class: Sequence[int]) -> dict[int, float] | None:
    """Return the weight of each class in the loss; None if they all weigh the same.

    ``balanced`` is the formula of ``sklearn.utils.class_weight.compute_class_weight``: with n images of k classes, n_c
    of them in class c, an image of c weighs n / (k n_c). The mean weight of an image is 1.

    Args:
        class_weight: ``none`` or ``balanced``.
        per_class: number of training images of each class, all more than 0.
    """
    if class_weight == "none":
        return None
    return {index: sum(per_class) / (len(per_class) * count) for index, count in enumerate(per_class)}


def compile_classifier(
    model: "keras.Model",
    learning_rate: Any,
    *,
    optimizer: str,
    weight_decay: float | None,
    label_smoothing: float,
    gradient_accumulation: int = 1,
) -> None:
    """Compile ``model`` for one-hot labels, reporting ``accuracy`` and ``crossentropy`` (without smoothing).

    Args:
        learning_rate: a number or a Keras schedule.
        optimizer: ``adam``, ``adamw`` or ``sgd`` (Nesterov momentum 0.9).
        weight_decay: decoupled, relative to the rate; biases and normalisation do not decay. None: no decay.
        gradient_accumulation: batches whose gradients are averaged for one step.
    """
    import keras

    common: dict[str, Any] = {
        "weight_decay": weight_decay,
        "gradient_accumulation_steps": gradient_accumulation if gradient_accumulation > 1 else None,
    }
    if optimizer == "sgd":
        instance = keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=True, **common)
    elif optimizer == "adam" or weight_decay is None:  # AdamW without decay, which Keras' AdamW refuses
        instance = keras.optimizers.Adam(learning_rate, **common)
    else:
        instance = keras.optimizers.AdamW(learning_rate, **common)
    if weight_decay:
        instance.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        instance,
        keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing),
        metrics=[
            keras.metrics.CategoricalAccuracy(name="accuracy"),
            keras.metrics.CategoricalCrossentropy(name="crossentropy"),
        ],
        # JAX would run a step op by op without it. For TensorFlow, Keras compiles nothing while op determinism is on,
        # see scenes/process/runtime.py.
        jit_compile=keras.backend.backend() == "jax",
    )
    # Else the first step builds it, and is traced a second time.
    model.optimizer.build(model.trainable_variables)


def run(
    model: "keras.Model",
    batches: "Callable[[int], tf.data.Dataset]",
    validation: Iterable[tuple[Any, Any]],
    *,
    per_class: Sequence[int],
    batch_size: int,
    epochs: int,
    optimizer: str,
    learning_rate: float,
    weight_decay: float | None,
    schedule: str,
    warmup_epochs: float,
    label_smoothing: float,
    class_weight: str,
    early_stopping: Mapping[str, Any],
    gradient_accumulation: int = 1,
    state: Path | None = None,
    after_epoch: AfterEpoch | None = None,
    devices: Devices = ONE_DEVICE,
) -> dict[str, list[float]]:
    """Compile and train ``model``; it ends with the weights that ``early_stopping`` asks for.

    Args:
        batches: returns the (input, one-hot label) batches of all epochs from a given one (counted from 0) on. The
            content of an epoch must depend on its number alone.
        validation: (input, one-hot label) batches.
        per_class: number of training examples of each class; an epoch has all of them.
        optimizer, weight_decay, label_smoothing, gradient_accumulation: see :func:`compile_classifier`.
        learning_rate, schedule: see :func:`rate`; ``warmup_epochs`` may be a fraction.
        class_weight: see :func:`class_weights`; accuracy, crossentropy and the validation loss are not weighted.
        early_stopping: ``monitor``, ``min_delta``, ``patience`` and ``restore_best`` of
            :func:`scenes.training.callbacks.early_stopping`.
        state: a file for the state after each epoch. If it exists, training resumes from it and ends in the same bytes
            as without an interruption.
        after_epoch: called with the history so far, also when a training resumes; not after an epoch that diverged.
        devices: if there are several, ``batches`` has the rows of this process, see ``scenes.dataset.batch_shares``;
            ``batch_size`` is that of all together. Process 0 alone reads and writes ``state``, prints, and calls
            ``after_epoch``.

    Returns:
        The values after each epoch by metric name: accuracy, crossentropy, loss, their ``val_``,
        val_calibrated_crossentropy and learning_rate.

    Raises:
        InputError: the loss became NaN or infinite.
    """
    import keras

    count, first_process = sum(per_class), devices.process == 0
    shares = BatchShares(count, batch_size, devices)
    steps = shares.steps
    compile_classifier(
        model,
        rate(
            schedule,
            peak=learning_rate,
            steps=steps * epochs,
            warmup_steps=round(steps * warmup_epochs),
        ),
        optimizer=optimizer,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        gradient_accumulation=gradient_accumulation,
    )
    stopping = stopping_callback(epochs=epochs, **early_stopping)
    if devices != ONE_DEVICE:
        several_devices.cut_padding(model, shares)
    saved = _load(state, devices) if state else None
    if saved:
        _restore(model, stopping, saved)
        if first_process:
            print(f"resuming after epoch {saved.epoch} of {epochs}", flush=True)
            if after_epoch:
                after_epoch(saved.history)
    history = saved.history if saved else {}
    first = (epochs if saved.stopped else saved.epoch) if saved else 0
    if first == epochs:  # killed after the last epoch, before the model was saved
        stopping.set_model(model)
        stopping.on_train_begin()
        stopping.on_train_end()
        return history
    model.fit(
        batches(first),
        initial_epoch=first,
        epochs=epochs,
        steps_per_epoch=steps,
        class_weight=class_weights(class_weight, per_class),
        shuffle=False,
        verbose=0,
        # The order matters: the others read the scores, a diverged epoch is not saved, and early stopping runs before
        # its counters are saved.
        callbacks=[
            validation_scores(validation, label_smoothing=label_smoothing, devices=devices),
            keras.callbacks.TerminateOnNaN(),
            epoch_lines(count, epochs, quiet=not first_process),
            stopping,
            _recording(history, stopping, devices, state, after_epoch),
        ],
    )
    if not all(math.isfinite(value) for name in ("loss", "val_loss") for value in history.get(name, [math.nan])):
        raise InputError("the loss is no longer a number; lower training.learning_rate or raise training.warmup_epochs")
    return history


def _recording(
    history: dict[str, list[float]],
    stopping: Any,
    devices: Devices,
    state: Path | None,
    after_epoch: AfterEpoch | None,
) -> "keras.callbacks.Callback":
    """Return a callback that adds each epoch to ``history``, writes the state and calls ``after_epoch``."""
    import keras

    class Recording(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            for name, value in logs.items():
                history.setdefault(name, []).append(float(value))
            if not math.isfinite(logs["loss"] + logs["val_loss"]):
                return
            several_devices.check_weights(self.model, devices)
            if devices.process:
                return
            if state:
                model = self.model
                arrays = {
                    "model": [variable.numpy() for variable in model.variables],
                    "optimizer": [variable.numpy() for variable in model.optimizer.variables],
                    "best": stopping.best_weights or [],
                }
                stopped = bool(model.stop_training)
                checkpoint.save(state, Checkpoint(epoch + 1, stopped, history, arrays, stopping.state()))
            if after_epoch:
                after_epoch(history)

    return Recording()


def _load(state: Path, devices: Devices) -> Checkpoint | None:
    """Return the state that process 0 finds, in all processes."""
    if devices.processes == 1:
        return checkpoint.load(state)
    content = state.read_bytes() if devices.process == 0 and state.exists() else b""
    return checkpoint.load(several_devices.from_first(content, devices))


def _restore(model: "keras.Model", stopping: Any, saved: Checkpoint) -> None:
    for name, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        for variable, value in zip(variables, saved.arrays[name], strict=True):
            variable.assign(value)
    stopping.restore(saved.stopping, saved.arrays["best"])
