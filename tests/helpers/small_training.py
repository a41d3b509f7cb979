"""Train a small network, also in a process of its own: ``python -m tests.helpers.small_training FILE [--xla]``."""

import sys

import numpy as np

from scenes.backbones.features import Features
from scenes.common.checksum import file_hash
from scenes.process.runtime import configure
from scenes.training import batches as training_batches
from scenes.training import fit

STOPPING = {"monitor": "val_crossentropy", "min_delta": 0.0, "patience": None, "restore_best": True}
TRAINING = {
    "batch_size": 16,
    "epochs": 4,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "schedule": "cosine",
    "warmup_epochs": 1,
    "label_smoothing": 0.1,
    "class_weight": "none",
    "early_stopping": STOPPING,
}
VALIDATION = (30, 1.0)  # images and their spread


def features(count, seed, spread=1.0):
    """Three clusters that a small network can tell apart."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 3
    rows = (rng.normal(size=(count, 8)) * spread + 6 * np.eye(8)[label]).astype(np.float32)
    return Features(np.array([f"{i}" for i in range(count)]).astype(bytes), label, rows, ("a", "b", "c"))


def network(*, units=16, dropout=0.1):
    """Two dense layers, from features to probabilities."""
    import keras
    from keras import layers

    inputs = keras.Input((8,), name="features")
    x = layers.Dropout(dropout, name="dropout_a")(inputs)
    x = layers.Dense(units, activation="relu", kernel_initializer="he_normal", name="hidden")(x)
    x = layers.Dropout(dropout, name="dropout_b")(x)
    outputs = layers.Dense(3, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, outputs)


def train(**changes):
    """Train a small network, and return it and its history."""
    import keras  # later than `configure`, which sets what TensorFlow reads when it is imported

    settings = TRAINING | changes
    keras.utils.set_random_seed(1)
    data, val = features(90, 0), features(VALIDATION[0], 1, VALIDATION[1])
    model = network()

    def batches(start):
        return training_batches.training_features(
            data, batch_size=settings["batch_size"], epochs=settings["epochs"], seed=1, start=start
        )

    validation = training_batches.validation_features(val)
    return model, fit.run(model, batches, validation, per_class=[30, 30, 30], **settings)


def main(path: str, xla: bool) -> None:
    """Train as a stage does and print the hash of the weights file."""
    configure(seed=0, threads=2, xla=xla)
    model, _ = train()
    model.save_weights(path)
    print(file_hash(path))


if __name__ == "__main__":
    main(sys.argv[1], xla="--xla" in sys.argv)
