"""Keras callbacks: scores on validation, early stopping that can be resumed, and progress on the terminal."""

import json
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from scenes.dataset.batch_shares import ONE_DEVICE, Devices
from scenes.models import temperature
from scenes.training.devices import from_first

if TYPE_CHECKING:
    import keras


def validation_scores(
    validation: Iterable[tuple[Any, Any]], *, label_smoothing: float, devices: Devices = ONE_DEVICE
) -> "keras.callbacks.Callback":
    """Return a callback that predicts the validation set once an epoch and adds its scores to the logs.

    It takes the place of Keras' ``validation_data`` and goes before the callbacks that read the scores. val_accuracy,
    val_crossentropy and val_loss are Keras' own up to rounding. val_calibrated_crossentropy (see
    ``scenes.models.temperature.calibrated_crossentropy``) is no mean over batches, so no metric of Keras gives it.

    Args:
        validation: (input, one-hot label) batches.
        label_smoothing: that of the loss; penalties of layers are not part of val_loss.
        devices: those that train together. All processes get the scores of the first: they decide when to stop, and
            another kind of CPU may round them differently.
    """
    import keras

    class ValidationScores(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
            labels, probabilities = temperature.predict(self.model, validation)
            losses = -np.log(np.maximum(probabilities.astype(np.float64), temperature.TINY))
            crossentropy = losses[np.arange(len(labels)), labels].mean()
            scores = {
                "val_accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
                "val_crossentropy": float(crossentropy),
                "val_calibrated_crossentropy": temperature.calibrated_crossentropy(labels, probabilities),
                "val_loss": float((1 - label_smoothing) * crossentropy + label_smoothing * losses.mean()),
            }
            logs.update(json.loads(from_first(json.dumps(scores).encode(), devices)))

    return ValidationScores()


def early_stopping(*, monitor: str, min_delta: float, patience: int | None, restore_best: bool, epochs: int) -> Any:
    """Return Keras' EarlyStopping with two more methods, ``state()`` and ``restore(state, best)``.

    Args:
        monitor: a validation metric; higher is better if it is an accuracy, else lower.
        min_delta: the smallest change that counts as an improvement.
        patience: epochs without an improvement after which to stop; None: never.
        restore_best: end with the weights of the best epoch instead of the last.
        epochs: of the whole training.
    """
    import keras

    class EarlyStopping(keras.callbacks.EarlyStopping):
        restored: tuple[dict[str, Any], list[np.ndarray]] | None = None

        def state(self) -> dict[str, Any]:
            """Return the counters as JSON values."""
            names = ("wait", "best_epoch", "stopped_epoch")
            best = None if self.best is None else float(self.best)
            return {"best": best} | {name: int(getattr(self, name)) for name in names}

        def restore(self, state: dict[str, Any], best: list[np.ndarray]) -> None:
            """Start the next training with ``state``, and ``best`` as the weights of the best epoch."""
            self.restored = state, best

        def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
            super().on_train_begin(logs)
            if self.restored is not None:
                state, best = self.restored
                for name, value in state.items():
                    setattr(self, name, value)
                self.best_weights = best or None

    return EarlyStopping(
        monitor=monitor,
        mode="max" if monitor.endswith("accuracy") else "min",
        min_delta=min_delta,
        patience=epochs if patience is None else patience,
        restore_best_weights=restore_best,
    )


def epoch_lines(images_per_epoch: int, epochs: int, *, quiet: bool = False) -> "keras.callbacks.Callback":
    """Return a callback that prints one line an epoch, unless ``quiet``, and adds the learning rate to the history.

    On a terminal it also shows a progress bar.
    """
    import keras

    class EpochLines(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.begin = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
            seconds = time.perf_counter() - self.begin
            left = round(seconds * (epochs - epoch - 1))
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
            if quiet:
                return
            print(
                f"epoch {epoch + 1:>{len(str(epochs))}}/{epochs}"
                f"  accuracy {logs['accuracy']:.4f} (val {logs['val_accuracy']:.4f})"
                f"  crossentropy {logs['crossentropy']:.4f} (val {logs['val_crossentropy']:.4f})"
                f"  calibrated {logs['val_calibrated_crossentropy']:.4f}"
                f"  {images_per_epoch / seconds:,.0f} images/s"
                f"  {left // 60}:{left % 60:02d} left",
                flush=True,
            )

    class EpochBars(EpochLines):
        # A separate class, because Keras waits for the numbers of each batch as soon as a callback asks for batches.
        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            super().on_epoch_begin(epoch, logs)
            self.bar = tqdm(total=self.params["steps"], desc=f"epoch {epoch + 1}/{epochs}", unit="batch", leave=False)

        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            self.bar.update()

        def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
            self.bar.close()
            super().on_epoch_end(epoch, logs)

    return EpochBars() if sys.stderr.isatty() and not quiet else EpochLines()
