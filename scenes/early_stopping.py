"""Keras' early stopping, with a memory that outlives the process."""

import numpy as np


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
