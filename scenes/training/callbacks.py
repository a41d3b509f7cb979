"""Keras' early stopping, with a memory that outlives the process.

What a person sees of a training: one line an epoch, and at a terminal a bar while it lasts.
"""

import sys
import time

import numpy as np
from tqdm import tqdm


def early_stopping(*, monitor: str, min_delta: float, patience: int | None, restore_best: bool, epochs: int):
    """Return Keras' EarlyStopping with ``state()`` and ``restore(state, best)``.

    Args:
        monitor: a validation metric; the higher the better if it is an accuracy.
        min_delta: a smaller gain is none.
        patience: epochs without a gain after which to stop; None: never.
        restore_best: end with the weights of the best epoch, not of the last.
        epochs: of the whole training.
    """
    import keras

    class EarlyStopping(keras.callbacks.EarlyStopping):
        restored = None

        def state(self) -> dict:
            """Return the counters, as JSON can hold them."""
            names = ("wait", "best_epoch", "stopped_epoch")
            best = None if self.best is None else float(self.best)
            return {"best": best} | {name: int(getattr(self, name)) for name in names}

        def restore(self, state: dict, best: list[np.ndarray]) -> None:
            """Begin the next training with ``state``, and ``best`` as the weights of the best epoch."""
            self.restored = state, best

        def on_train_begin(self, logs=None):
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

    class EpochBars(EpochLines):
        # A class of its own, because Keras waits for each batch's numbers as soon as a callback asks for batches.
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            self.bar = tqdm(total=self.params["steps"], desc=f"epoch {epoch + 1}/{epochs}", unit="batch", leave=False)

        def on_train_batch_end(self, batch, logs=None):
            self.bar.update()

        def on_epoch_end(self, epoch, logs=None):
            self.bar.close()
            super().on_epoch_end(epoch, logs)

    return EpochBars() if sys.stderr.isatty() else EpochLines()
