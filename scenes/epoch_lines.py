"""What a person sees of a training: one line an epoch, and at a terminal a bar while it lasts."""

import sys
import time

from tqdm import tqdm


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
