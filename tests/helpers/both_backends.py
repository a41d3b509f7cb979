"""Train networks and score them, under whichever backend Keras has.

    python -m tests.helpers.both_backends train FOLDER    # or: score FOLDER

tests/test_jax.py runs the first under JAX and the second under TensorFlow.
"""

import json
import sys
from itertools import cycle
from pathlib import Path

import keras
import numpy as np

from scenes.backbones import backbone, finetuning
from scenes.backbones.features import Features
from scenes.models import linear, store
from scenes.synthetic import scenes
from scenes.synthetic.archive import resize
from scenes.training import fit as training_fit
from scenes.training import logistic_regression
from tests.helpers.shallow_backbone import shallow

CLASSES = ("forest", "sea", "street")
FEATURES = 8
SIDE = 48  # of an image
SEEN = 32  # by the backbone


class RefuseTensorFlow:
    """An import hook. Keras by itself looks whether TensorFlow is there, which takes seconds, and can do without."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"{name} must not be needed under JAX", name=name)


def images(count: int, seed: int) -> np.ndarray:
    """Return uint8 (count, SIDE, SIDE, 3): drawn scenes, their classes by turns."""
    rng = np.random.default_rng(seed)
    drawn = (scenes.render_scene(CLASSES[i % len(CLASSES)], rng)[0] for i in range(count))
    return np.stack([resize(pixels, SIDE, SIDE) for pixels in drawn])


def features(count: int, seed: int) -> np.ndarray:
    """Return float32 (count, FEATURES): a cluster for each class, by turns, far from zero mean and unit variance."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, FEATURES)) + 4 * np.eye(FEATURES)[np.arange(count) % len(CLASSES)]
    return (100 + 20 * rows).astype(np.float32)


def in_batches(inputs: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return batches of 16 inputs with one-hot labels; the classes alternate."""
    one_hot = np.eye(len(CLASSES), dtype=np.float32)[np.arange(len(inputs)) % len(CLASSES)]
    return [(inputs[start : start + 16], one_hot[start : start + 16]) for start in range(0, len(inputs), 16)]


def fit(network, inputs: np.ndarray, validation: np.ndarray, *, rate: float, epochs: int) -> dict[str, list[float]]:
    """Train as the stages do, to the weights of the last epoch, and return the history."""
    stopping = {"monitor": "val_calibrated_crossentropy", "min_delta": 0.0, "patience": None, "restore_best": False}
    return training_fit.run(
        network,
        lambda _: (batch for batch in cycle(in_batches(inputs))),
        in_batches(validation),
        per_class=np.bincount(np.arange(len(inputs)) % len(CLASSES)).tolist(),
        batch_size=16,
        epochs=epochs,
        optimizer="adamw",
        learning_rate=rate,
        weight_decay=0.01,
        schedule="constant",
        warmup_epochs=0,
        label_smoothing=0.1,
        class_weight="none",
        early_stopping=stopping,
    )


def tuned():
    """Return a backbone and the classifier that ends in it, both to be trained."""
    with shallow():
        network = backbone.build("EfficientNetLite0", SEEN)
    finetuning.unfreeze(network, None)
    end = linear.build(network.output_shape[-1], len(CLASSES))
    return network, finetuning.classifier(backbone.feature_extractor(network), end)


def train(folder: Path) -> None:
    """Train a linear classifier and a backbone; write them, inputs and losses."""
    keras.utils.set_random_seed(0)
    (folder / "linear").mkdir()
    network, rows = linear.build(FEATURES, len(CLASSES)), features(96, seed=0)
    label = np.arange(len(rows)) % len(CLASSES)
    logistic_regression.fit(network, Features(np.array([b""] * len(rows)), label, rows, CLASSES), C=1.0)
    described = {"kind": "linear", "input": "features/frozen", "classes": CLASSES, "features": FEATURES}
    store.save_network(folder / "linear", network, described)

    network, classifier = tuned()
    before = [variable.numpy().copy() for variable in network.variables]
    losses = fit(classifier, images(16, seed=0), images(12, seed=1), rate=0.0005, epochs=10)["loss"]
    moved = {
        variable.path: not np.array_equal(variable.numpy(), value)
        for variable, value in zip(network.variables, before, strict=True)
    }
    learning = [moved[variable.path] for variable in network.trainable_variables]
    statistics = [value for path, value in moved.items() if "moving_" in path]
    classifier.save_weights(folder / "tuned.weights.h5")

    # None of these was trained on.
    inputs = {"linear": features(48, seed=1), "tuned": images(12, seed=1)}
    np.savez(folder / "inputs.npz", **inputs)
    moved = {"learning": learning, "statistics": statistics}
    trained = {"losses": losses, "moved": moved}
    (folder / "trained.json").write_text(json.dumps(trained), encoding="utf-8")
    score(folder)


def score(folder: Path) -> None:
    """Load what :func:`train` wrote and write the probabilities of the inputs to BACKEND.npz."""
    networks = {"linear": store.load_network(folder / "linear"), "tuned": tuned()[1]}
    networks["tuned"].load_weights(folder / "tuned.weights.h5")
    with np.load(folder / "inputs.npz") as inputs:
        found = {name: network.predict(inputs[name], verbose=0) for name, network in networks.items()}
    np.savez(folder / f"{keras.backend.backend()}.npz", **found)


if __name__ == "__main__":
    if keras.backend.backend() == "jax":
        assert "tensorflow" not in sys.modules
        sys.meta_path.insert(0, RefuseTensorFlow)
    {"train": train, "score": score}[sys.argv[1]](Path(sys.argv[2]))
