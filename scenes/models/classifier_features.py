"""The features that a trained model's last layers receive."""

from pathlib import Path

from scenes.backbones.extraction import compile_extractor, compute_features
from scenes.backbones.features import SAMPLE, Features, load_features
from scenes.dataset import records
from scenes.models import cnn, store

_BATCH_SIZE = 64  # images at a time; bounds the memory that their activations take


def load(folder: str | Path, data: str | Path, split: str, size: int = SAMPLE) -> Features:
    """Return the features of ``split``: for a linear model its input, for a CNN the averages of its last maps.

    A CNN has learned from the labels of the training images, including wrong ones, so its features reflect them.

    Args:
        folder: of the model.
        data: holds what the model learned from, ``records`` or ``features/<set>``.
        split: train, val or test.
        size: of more images, only a sample of about so many, see ``scenes.common.stratified``.
    """
    description = store.describe(folder)
    source = Path(data) / description["input"]
    if description["kind"] == "linear":
        return load_features(source, split).sample(size)
    graph = compile_extractor(cnn.penultimate(store.load_network(folder)))
    opened = records.open_records(source, split)
    return compute_features(graph, opened, batch_size=_BATCH_SIZE, desc=split, size=size)
