"""Folders as the stages leave them: data with two feature sets, trained models of each kind."""

import io
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from scenes.backbones import backbone, finetuning, weights
from scenes.backbones.extraction import Extractor, compile_extractor, extract_features, extraction_job
from scenes.backbones.features import describe_features, load_features
from scenes.models import cnn, linear, store
from tests.helpers.small_records import BYTES, CLASSES, SIZE, SPLITS
from tests.helpers.small_records import write as write_records

CNN = {"filters": [8, 16], "dropout": 0.1}
FROZEN, TUNED = "features/frozen", "features/tuned"  # what a linear model learns from
SEEN = 48  # pixels a side that the backbone sees
TEMPERATURE = 1.7


def write_data(root: Path) -> Path:
    """Write records and the two feature sets into a folder that exists, and return it.

    Of the set ``tuned``, the backbone's last block has been moved, and each image is also seen mirrored.
    """
    write_records(root / "records")
    (root / "weights").mkdir()
    weights.acquire(root / "weights", "EfficientNetLite0", "random", sha256=None, partial=root)
    network = backbone.load(root / "weights", SEEN)
    _write_features(root, FROZEN, network)
    finetuning.unfreeze(network, 1)
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(variable.numpy() + rng.normal(size=variable.shape, scale=0.05))
    _write_features(root, TUNED, network, test_time_flip=True)
    return root


def _write_features(data: Path, name: str, network: keras.Model, test_time_flip: bool = False) -> None:
    folder = data / name
    folder.mkdir(parents=True)
    settings = {
        "image_size": SEEN,
        "levels": "top",
        "test_time_flip": test_time_flip,
        "finetuned": name == TUNED,
    }
    backbone.save(folder, network, backbone.describe(data / "weights") | settings)
    model = backbone.open_extractor(folder)
    ready = Extractor(network, compile_extractor(model), model.output_shape[-1])
    extract_features(folder, data / "records", extraction_job(lambda: ready, (), batch_size=16))


def save_cnn(folder: Path) -> keras.Model:
    """Write a CNN that learned nothing."""
    folder.mkdir()
    network = cnn.build((SIZE, SIZE, 3), 2, **CNN)
    described = {
        "kind": "cnn",
        "input": "records",
        "network": CNN,
        "image_shape": (SIZE, SIZE, 3),
        "classes": CLASSES,
        "temperature": TEMPERATURE,
        "calibrated": True,
    }
    store.save_network(folder, network, described)
    return network


def save_linear(folder: Path, data: Path, name: str = FROZEN) -> keras.Model:
    """Write a linear model on the features ``name`` in ``data``, which learned nothing."""
    folder.mkdir()
    features = load_features(data / name, "train").features.shape[1]
    network = linear.build(features, 2)
    towards = np.random.default_rng(0).normal(size=features, scale=features**-0.5)
    network.set_weights([np.stack([towards, -towards], axis=1), np.zeros(2)])  # each feature speaks for one of both
    described = {
        "kind": "linear",
        "input": name,
        "C": 0.01,
        "features": features,
        "backbone": describe_features(data / name),
        "classes": CLASSES,
        "temperature": TEMPERATURE,
        "calibrated": True,
    }
    store.save_network(folder, network, described)
    return network


def images_of(split: str) -> np.ndarray:
    """Return the images of a split in the order of ``SPLITS``, uint8 (n, SIZE, SIZE, 3)."""
    return np.stack([np.asarray(Image.open(io.BytesIO(BYTES[key]))) for key, _ in SPLITS[split]])
