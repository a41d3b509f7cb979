"""The approach of the earlier write-ups as one plain Keras script: the baseline for speed.

    python benchmarks/plain.py transfer IMAGES --weights FILE [--backbone EfficientNetV2B0] [--side 224] [--epochs 10]
    python benchmarks/plain.py cnn IMAGES [--side 150] [--epochs 3]

IMAGES contains train/<class>/*.jpg and val/<class>/*.jpg. `transfer`: image_dataset_from_directory, a frozen backbone
inside `fit`, two new layers. `cnn`: the architecture of this project's baseline, with the same input function.
Prints one line of JSON: the seconds of each epoch and the validation accuracies.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import keras
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def dataset(folder: Path, side: int, batch_size: int):
    return keras.utils.image_dataset_from_directory(
        folder, image_size=(side, side), batch_size=batch_size, label_mode="categorical", verbose=False
    ).prefetch(tf.data.AUTOTUNE)


def transfer(backbone: str, weights: Path, side: int, classes: int):
    from scenes.backbones.backbone import build

    body = build(backbone, side)
    body.load_weights(weights)
    body.trainable = False
    return keras.Sequential(
        [body, keras.layers.Dense(512, activation="relu"), keras.layers.Dense(classes, activation="softmax")]
    )


def cnn(side: int, classes: int, filters: list[int]):
    from scenes.models.cnn import build

    return build((side, side, 3), classes, filters=filters, dropout=0.2)


class Clock(keras.callbacks.Callback):
    """Measures the seconds of each epoch, validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None) -> None:
        self.begin = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.seconds.append(time.perf_counter() - self.begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["transfer", "cnn"])
    parser.add_argument("images", type=Path)
    parser.add_argument("--backbone", default="EfficientNetV2B0")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--filters", type=int, nargs="+", default=[48, 96, 160, 256])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()

    begin = time.perf_counter()
    train = dataset(arguments.images / "train", arguments.side, arguments.batch_size)
    val = dataset(arguments.images / "val", arguments.side, arguments.batch_size)
    classes = len(list((arguments.images / "train").iterdir()))
    if arguments.kind == "transfer":
        network = transfer(arguments.backbone, arguments.weights, arguments.side, classes)
    else:
        network = cnn(arguments.side, classes, arguments.filters)
    network.compile("adam", "categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    clock = Clock()
    history = network.fit(train, validation_data=val, epochs=arguments.epochs, verbose=0, callbacks=[clock]).history
    result = {
        "seconds": time.perf_counter() - begin,
        "epochs": clock.seconds,
        "val_accuracy": history["val_accuracy"],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
