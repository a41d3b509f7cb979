"""Folders as the stages leave them: data with features, trained models of each kind, their second outputs."""

import io
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from scenes.models import backbone, cnn, finetuning, head, multilabel, store, weights
from scenes.models.features import describe_features, extract_features, load_features
from tests.helpers.small_records import BYTES, CLASSES, SIZE, SPLITS
from tests.helpers.small_records import write as write_records

CNN = {"filters": [8, 16], "dropout": 0.1}
HEAD = {"units": 8, "dropout": 0.1}
SEEN = 48  # pixels a side that the backbone sees
TEMPERATURE = 1.7


def write_data(root: Path) -> Path:
    """Write records, random weights and their features into a folder that exists, and return it."""
    write_records(root / "records")
    (root / "weights").mkdir()
    weights.acquire(root / "weights", "EfficientNetLite0", "random", sha256=None, partial=root)
    (root / "finetuned").mkdir()
    finetuning.save(root / "finetuned", None)
    _write_features(root, backbone.load(root / "weights", SEEN))
    return root


def write_tuned_data(root: Path, data: Path) -> Path:
    """As ``data``, but the backbone's last block has been moved, and each image is also seen mirrored."""
    for name in ("weights", "records"):
        (root / name).symlink_to(data / name)
    network = backbone.load(root / "weights", SEEN)
    finetuning.unfreeze(network, 1)
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(variable.numpy() + rng.normal(size=variable.shape, scale=0.05))
    (root / "finetuned").mkdir()
    finetuning.save(root / "finetuned", network)
    _write_features(root, network, test_time_flip=True)
    return root


def _write_features(data: Path, network: keras.Model, test_time_flip: bool = False) -> None:
    """What the stage does, with ``network`` in the place of the backbone in ``data``."""
    (data / "features").mkdir()
    description = {
        **backbone.describe(data / "weights"),
        "image_size": SEEN,
        "test_time_flip": test_time_flip,
        "finetuned": finetuning.weights_hash(data / "finetuned"),
    }
    extractor = backbone.feature_extractor(network, test_time_flip=test_time_flip)
    extract_features(data / "features", extractor, data / "records", batch_size=16, description=description)


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


def save_head(folder: Path, data: Path) -> keras.Model:
    """Write a head on the features in ``data``, which learned nothing but their means and variances."""
    folder.mkdir()
    features = load_features(data / "features", "train").features
    network = head.build(features.shape[1], 2, **HEAD)
    head.standardise(network, features)
    described = {
        "kind": "head",
        "input": "features",
        "network": HEAD,
        "features": features.shape[1],
        "backbone": describe_features(data / "features"),
        "classes": CLASSES,
        "temperature": TEMPERATURE,
        "calibrated": True,
    }
    store.save_network(folder, network, described)
    return network


def save_multilabel(folder: Path, network: keras.Model) -> None:
    """Write two second outputs for a model, which learned nothing."""
    folder.mkdir()
    width = network.get_layer("pool").output.shape[-1] if network.name == "cnn" else network.input_shape[-1]
    names = multilabel.PRESENCE, multilabel.PRESENCE_NAIVE
    multilabel.save(folder, {name: multilabel.build(width, 2, units=4, dropout=0.1) for name in names})


def images_of(split: str) -> np.ndarray:
    """Return the images of a split in the order of ``SPLITS``, uint8 (n, SIZE, SIZE, 3)."""
    return np.stack([np.asarray(Image.open(io.BytesIO(BYTES[key]))) for key, _ in SPLITS[split]])
