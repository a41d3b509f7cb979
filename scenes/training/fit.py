"""Fitting a Keras classifier: optimiser, schedule, early stopping, and going on where a killed process was."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from scenes.common.errors import InputError
from scenes.training import checkpoint
from scenes.training.callbacks import early_stopping as stopping_callback
from scenes.training.callbacks import epoch_lines
from scenes.training.checkpoint import Checkpoint


def rate(schedule: str, *, peak: float, steps: int, warmup_steps: int):
    """Return a constant rate, or a Keras schedule: linear from 0 to ``peak``, then a half cosine down to 0.

    Args:
        schedule: ``constant`` or ``cosine``.
        peak: highest learning rate.
        steps: batches of the whole training: Keras' optimisers hand their schedules the number of batches, also where
            they accumulate the gradients of several.
        warmup_steps: of those, the linear ones (``cosine`` only).

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


def compile_classifier(
    model,
    learning_rate,
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
        weight_decay: decoupled, relative to the rate; biases and normalisation are left out. None: no decay.
        gradient_accumulation: batches whose gradients are averaged for one step.
    """
    import keras

    common = {
        "weight_decay": weight_decay,
        "gradient_accumulation_steps": gradient_accumulation if gradient_accumulation > 1 else None,
    }
    if optimizer == "sgd":
        instance = keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=True, **common)
    elif optimizer == "adam":
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
        # Without it JAX would run a step op by op. For TensorFlow see scenes/common/runtime.py: Keras compiles nothing for
        # it while op determinism is on.
        jit_compile=keras.backend.backend() == "jax",
    )
    # Else it is built in the first step, which is then traced a second time.
    model.optimizer.build(model.trainable_variables)


def run(
    model,
    batches: Callable[[int], object],
    validation,
    *,
    count: int,
    batch_size: int,
    epochs: int,
    optimizer: str,
    learning_rate: float,
    weight_decay: float | None,
    schedule: str,
    warmup_epochs: float,
    label_smoothing: float,
    early_stopping: dict,
    gradient_accumulation: int = 1,
    state: Path | None = None,
    callbacks: Sequence = (),
) -> dict[str, list[float]]:
    """Compile and train ``model``, and leave it with the weights asked for.

    Args:
        batches: from the first epoch wanted (counted from 0) to a tf.data.Dataset of the (input, one-hot label) batches
            of that and all later epochs. What an epoch holds must depend on its number alone.
        validation: tf.data.Dataset of (input, one-hot label) batches.
        count: training examples an epoch.
        optimizer, weight_decay, label_smoothing, gradient_accumulation: see :func:`compile_classifier`.
        learning_rate, schedule: see :func:`rate`; ``warmup_epochs`` may be a fraction.
        early_stopping: ``monitor``, ``min_delta``, ``patience`` and ``restore_best`` of
            :func:`scenes.training.callbacks.early_stopping`.
        state: a file for the state after each epoch. If it holds one, training goes on from there and
            ends in the bytes that an uninterrupted one ends in.
        callbacks: keras.callbacks.Callback that look on; they are called before the state is saved.

    Returns:
        Per metric name, its value after each epoch: accuracy, crossentropy, loss, their ``val_`` and learning_rate.

    Raises:
        InputError: the loss became NaN or infinite.
    """
    import keras

    steps = -(-count // batch_size)
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
    done = checkpoint.load(state) if state else None
    if done:
        _restore(model, stopping, done)
        print(f"going on after epoch {done.epoch} of {epochs}", flush=True)
    history = done.history if done else {}
    first = (epochs if done.stopped else done.epoch) if done else 0
    if first == epochs:  # killed between the last epoch and the saving of the model
        stopping.set_model(model)
        stopping.on_train_begin()
        stopping.on_train_end()
        return history
    fitted = model.fit(
        batches(first),
        initial_epoch=first,
        epochs=epochs,
        steps_per_epoch=steps,
        validation_data=validation,
        shuffle=False,
        verbose=0,
        # In this order: a diverged epoch is not saved, and what is saved has been through early stopping.
        callbacks=[
            keras.callbacks.TerminateOnNaN(),
            epoch_lines(count, epochs),
            stopping,
            *callbacks,
            *([_saving(state, stopping, history)] if state else []),
        ],
    ).history
    for name, values in fitted.items():
        history[name] = history.get(name, []) + values
    if not all(math.isfinite(value) for name in ("loss", "val_loss") for value in history.get(name, [math.nan])):
        raise InputError("the loss is no longer a number; lower training.learning_rate or raise training.warmup_epochs")
    return history


def _saving(path: Path, stopping, before: dict[str, list[float]]):
    """Return a callback that writes the state after each epoch; ``before`` is the history of earlier processes."""
    import keras

    class Saving(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.history = {name: list(values) for name, values in before.items()}

        def on_epoch_end(self, epoch, logs=None):
            for name, value in logs.items():
                self.history.setdefault(name, []).append(float(value))
            if not math.isfinite(logs["loss"] + logs["val_loss"]):
                return
            model = self.model
            arrays = {
                "model": [variable.numpy() for variable in model.variables],
                "optimizer": [variable.numpy() for variable in model.optimizer.variables],
                "best": stopping.best_weights or [],
            }
            checkpoint.save(
                path, Checkpoint(epoch + 1, bool(model.stop_training), self.history, arrays, stopping.state())
            )

    return Saving()


def _restore(model, stopping, done: Checkpoint) -> None:
    for name, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        for variable, value in zip(variables, done.arrays[name], strict=True):
            variable.assign(value)
    stopping.restore(done.stopping, done.arrays["best"])
