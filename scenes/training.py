"""Fitting a Keras classifier: optimiser, schedule, early stopping and what is said meanwhile."""

import math
import time

from scenes.errors import InputError


def rate(schedule: str, *, peak: float, steps: int, warmup_steps: int):
    """Return a constant rate, or a Keras schedule: linear from 0 to ``peak``, then a half cosine down to 0.

    Args:
        schedule: ``constant`` or ``cosine``.
        peak: highest learning rate.
        steps: optimiser steps of the whole training.
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
    model, learning_rate, *, optimizer: str, weight_decay: float | None, label_smoothing: float
) -> None:
    """Compile ``model`` for one-hot labels, reporting ``accuracy`` and ``crossentropy`` (without smoothing).

    Args:
        learning_rate: a number or a Keras schedule.
        optimizer: ``adam``, ``adamw`` or ``sgd`` (Nesterov momentum 0.9).
        weight_decay: decoupled, relative to the rate; biases and normalisation are left out. None: no decay.
    """
    import keras

    if optimizer == "sgd":
        instance = keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=True, weight_decay=weight_decay)
    elif optimizer == "adam":
        instance = keras.optimizers.Adam(learning_rate, weight_decay=weight_decay)
    else:
        instance = keras.optimizers.AdamW(learning_rate, weight_decay=weight_decay)
    if weight_decay:
        instance.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        instance,
        keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing),
        metrics=[
            keras.metrics.CategoricalAccuracy(name="accuracy"),
            keras.metrics.CategoricalCrossentropy(name="crossentropy"),
        ],
        # Keras would decide by itself; that two runs give the same bytes has been tested without XLA.
        jit_compile=False,
    )


def epoch_lines(images_per_epoch: int, epochs: int):
    """Return a Keras callback that prints one line an epoch and adds the learning rate to the history."""
    import keras

    class EpochLines(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.begin = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            seconds = time.perf_counter() - self.begin
            left = round(seconds * (epochs - epoch - 1))
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
            print(
                f"epoch {epoch + 1:>{len(str(epochs))}}/{epochs}"
                f"  accuracy {logs['accuracy']:.4f} (val {logs['val_accuracy']:.4f})"
                f"  crossentropy {logs['crossentropy']:.4f} (val {logs['val_crossentropy']:.4f})"
                f"  rate {logs['learning_rate']:.2e}  {images_per_epoch / seconds:,.0f} images/s"
                f"  {left // 60}:{left % 60:02d} left",
                flush=True,
            )

    return EpochLines()


def run(
    model,
    batches,
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
) -> dict[str, list[float]]:
    """Compile and train ``model``, and leave it with the weights asked for.

    Args:
        batches: tf.data.Dataset of all epochs' (input, one-hot label) batches.
        validation: tf.data.Dataset of (input, one-hot label) batches.
        count: training examples an epoch.
        optimizer, weight_decay, label_smoothing: see :func:`compile_classifier`.
        learning_rate, schedule: see :func:`rate`; ``warmup_epochs`` may be a fraction.
        early_stopping: ``monitor`` (a validation metric), ``min_delta`` and ``patience`` (epochs; null: never stop) of
            Keras' EarlyStopping, and ``restore_best``: end with the weights of the best epoch, not the last.

    Returns:
        Per metric name, its value after each epoch: accuracy, crossentropy, loss, their ``val_`` and learning_rate.

    Raises:
        InputError: the loss became NaN or infinite.
    """
    import keras

    steps = -(-count // batch_size)
    compile_classifier(
        model,
        rate(schedule, peak=learning_rate, steps=steps * epochs, warmup_steps=round(steps * warmup_epochs)),
        optimizer=optimizer,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
    )
    monitor, patience = early_stopping["monitor"], early_stopping["patience"]
    stopping = keras.callbacks.EarlyStopping(
        monitor=monitor,
        mode="max" if monitor.endswith("accuracy") else "min",
        min_delta=early_stopping["min_delta"],
        patience=epochs if patience is None else patience,
        restore_best_weights=early_stopping["restore_best"],
    )
    history = model.fit(
        batches,
        steps_per_epoch=steps,
        epochs=epochs,
        validation_data=validation,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.TerminateOnNaN(), epoch_lines(count, epochs), stopping],
    ).history
    if not all(math.isfinite(value) for name in ("loss", "val_loss") for value in history.get(name, [math.nan])):
        raise InputError("the loss is no longer a number; lower training.learning_rate or raise training.warmup_epochs")
    return history
